# Roles
role-reporter = Reporting
role-exporter = Export licences
role-officer = Reviewing applications
role-senior-officer = Countersigning
role-agency-adviser = Advising
role-customs = At the border
role-tax-officer = Tax invoices
role-analyst = Analysis
role-inspector = Following up findings
role-administrator = Administration
role-auditor = Audit

# Kinds of filing
kind-extraction = extraction
kind-transformation = transformation
kind-dispatch = dispatch
kind-receipt = receipt
kind-import = import
kind-export = export
kind-stocktake = stocktake
kind-disposal = disposal
kind-monthly-return = monthly return

# Processes
process-beneficiation = beneficiation
process-separation = separation
process-metal-reduction = reduction to metal
process-alloying = alloying
process-magnet-making = magnet making
process-machining = machining
process-assembly = assembly
process-recycling = recycling

# Stages
stage-mining = mining
stage-separation = separation
stage-metal-smelting = metal smelting
stage-alloying = alloying
stage-magnet-making = magnet making
stage-assembly = assembly
stage-recycling = recycling
stage-trading = trading
stage-export = export

# Categories of goods
category-ore = ore
category-concentrate = concentrate
category-oxide = oxide
category-compound = other compounds
category-metal = metal
category-alloy = alloy
category-target = sputtering targets
category-magnet = magnets
category-assembly = goods with magnets
category-scrap = scrap

# Kinds of licence
licence-kind-single = single licence
licence-kind-general = general licence
licence-kind-registration-voucher = registration voucher

# How far a rule is verified
verification-verbatim = verified word by word
verification-transcription = from a transcription
verification-partial = verified in part
verification-secondary = from a secondary source
verification-trade-practice = trade practice
verification-own-assumption = our own assumption
verification-memory-unverified = not verified
verification-fictitious = made up, for demonstration
