# What is wrong with a field is said by the interfaces themselves in English.
