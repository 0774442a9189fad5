# The frame
service-name = Lodestone
skip-to-content = Skip to main content
comma = , { "" }
colon = : { "" }
language-english = English
language-chinese = 中文
sign-in = Sign in
sign-out = Sign out
way-around = Main
footer-what = Lodestone: the national system of record for rare earths and magnets.
form-wrong = There is something to look at
list-more = Show what follows
to-start = To the start page
from-until = { $from } to { $until }
month = Month
site = Site
due = Due
standing = Standing
quarter = { $year }, quarter { $quarter }
category = Category
province = Province
element = Element

# The way around
nav-verify = Verify a licence
nav-processing-times = Processing times
nav-statistics = Statistics
nav-returns = Monthly returns

# The start page
start-title = Rare earths and magnets: the register
start-public = Producers report here, exporters apply for licences, customs verifies. Anybody can verify a licence, see how long decisions take, and read what is published.
start-welcome = Welcome, { $name }
start-lead = These are the pages of your work.
start-no-work = Your account has no work here yet. Ask your organisation's administrator.
start-for-anybody = For anybody
tile-verify = Verify a licence
tile-verify-what = Is this licence real, and what is it worth now?
tile-processing-times = Processing times
tile-processing-times-what = How long decisions usually take.
tile-statistics = Statistics
tile-statistics-what = Production, trade and exports, published month by month.
tile-returns = Monthly returns
tile-returns-what = What is due when, and what is missing.

# When a page cannot be shown: what happened, and what to do
refusal-sign-in-title = Please sign in
refusal-sign-in-advice = This takes somebody who is signed in.
refusal-not-yours-title = This is not for your account
refusal-not-yours-advice = This page belongs to another role. If you need it, ask your organisation's administrator.
refusal-not-found-title = There is no such page
refusal-not-found-advice = The address may be mistyped, or what it names does not exist or is not yours.
refusal-foreign-form-title = This form cannot be taken
refusal-foreign-form-advice = It does not come from a page that was just shown here, or your browser keeps no cookies. Nothing was changed. Go back, reload the page and send it again.
refusal-unreadable-title = What was sent cannot be read
refusal-unreadable-advice = Nothing was changed. Go back and try again.
refusal-too-large-title = Too large
refusal-too-large-advice = At most { $megabytes } MB are taken. Nothing was changed. Split the file into parts.
refusal-unavailable-title = Not available just now
refusal-unavailable-advice = A part of the system does not answer. Nothing is lost. Try again in a moment.
refusal-stale-title = Somebody changed this in the meantime
refusal-stale-advice = What you asked for was not done. Open the page again, look at what is new, then decide.
refusal-too-many-title = Too many requests
refusal-too-many-advice = Wait a little, then try again.
refusal-refused-title = This was not done
refusal-refused-advice = The reason is below. Nothing was changed.
refusal-internal-title = Something went wrong on our side
refusal-internal-advice = It was recorded. Try again; if it stays, tell us the number below.
refusal-retry = { $seconds ->
    [one] Try again in one second.
    *[other] Try again in { $seconds } seconds.
}
refusal-trace = Number:
refusal-half-reporting = What does not answer is reporting; licensing is not affected.
refusal-half-licensing = What does not answer is licensing; reporting is not affected.
