# Roles
role-reporter = 申报
role-exporter = 出口申请
role-officer = 审查
role-senior-officer = 复核签发
role-agency-adviser = 会商意见
role-customs = 海关
role-tax-officer = 税务
role-analyst = 分析
role-inspector = 核查
role-administrator = 管理
role-auditor = 审计

# Kinds of filing
kind-extraction = 开采
kind-transformation = 加工
kind-dispatch = 发货
kind-receipt = 收货
kind-import = 进口
kind-export = 出口
kind-stocktake = 盘点
kind-disposal = 处置
kind-monthly-return = 月报

# Processes
process-beneficiation = 选矿
process-separation = 分离
process-metal-reduction = 金属冶炼
process-alloying = 合金制备
process-magnet-making = 磁体制造
process-machining = 机械加工
process-assembly = 组装
process-recycling = 回收

# Stages
stage-mining = 开采
stage-separation = 分离
stage-metal-smelting = 金属冶炼
stage-alloying = 合金
stage-magnet-making = 磁体制造
stage-assembly = 组装
stage-recycling = 回收
stage-trading = 贸易
stage-export = 出口

# Categories of goods
category-ore = 矿石
category-concentrate = 精矿
category-oxide = 氧化物
category-compound = 其他化合物
category-metal = 金属
category-alloy = 合金
category-target = 靶材
category-magnet = 磁体
category-assembly = 含磁体产品
category-scrap = 废料

# Kinds of licence
licence-kind-single = 单项许可
licence-kind-general = 通用许可
licence-kind-registration-voucher = 登记凭证

# How far a rule is verified
verification-verbatim = 已逐字核对原文
verification-transcription = 依据转录文本
verification-partial = 部分核对
verification-secondary = 依据二手来源
verification-trade-practice = 行业惯例
verification-own-assumption = 本系统的假定
verification-memory-unverified = 未经核对
verification-fictitious = 虚构（演示）
