# Verifying a licence
licence-number = 许可证编号
licence-kind = 种类
licence-holder = 持证人
licence-valid = 有效期
verify-lead = 输入印在许可证上的编号，或扫描二维码。无需登录。
verify-hint = 例如 LS-2026-000001-F
verify-button = 核验
verify-checked = 核验时间
verify-fingerprint = 指纹
verify-fingerprint-what = 已签名许可证的 SHA-256，可与手中的文件比对。
verify-unknown = 没有这个许可证
verify-unknown-what = 登记中没有编号 { $number }。请再看一遍编号；最后一个字符是校验码，能发现抄写错误。
verdict-issued = 有效
verdict-issued-what = 许可证是真的，现在可以使用。
verdict-suspended = 已暂停
verdict-suspended-what = 许可证是真的，但目前不得使用。
verdict-revoked = 已撤销
verdict-revoked-what = 许可证已被撤销，不得使用。
verdict-surrendered = 已交回
verdict-surrendered-what = 持证人已交回许可证，不得使用。
verdict-superseded = 已被取代
verdict-superseded-what = 另一张许可证取代了它，不得使用。
verdict-exhausted = 已用完
verdict-exhausted-what = 许可的数量已经全部使用。
verdict-expired = 已过期
verdict-expired-what = 有效期已经结束。
verdict-not-yet-valid = 尚未生效
verdict-not-yet-valid-what = 有效期还没有开始。

# Processing times
times-lead = 由每件申请实际发生的事情算出，按季度列出。法律允许暂停的时间不计入工作日。
times-quarter = 季度
times-cases = 件数
times-median = 一半在此之内（工作日）
times-ninety = 九成在此之内（工作日）
times-too-few = 件数太少，不公布
times-none = 还没有足够的决定可以公布。

# Statistics
statistics-lead = 数字只在不暴露单个企业时公布。
statistics-table = 表
statistics-revision = 修订
statistics-published = 公布时间
statistics-none = 还没有公布任何表。
statistics-production = 产量
statistics-trade = 国内贸易
statistics-exports = 出口
statistics-stock = 库存
statistics-suppression = “未公布”表示该数字会暴露单个企业。
statistics-suppressed = 未公布
statistics-reo = 氧化物当量（千克）
