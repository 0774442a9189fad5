# The frame
service-name = 磁石 Lodestone
skip-to-content = 跳到正文
comma = ，
colon = ：
language-english = English
language-chinese = 中文
sign-in = 登录
sign-out = 退出
way-around = 主导航
footer-what = 磁石：稀土与永磁体的国家登记系统。
form-wrong = 请检查以下内容
list-more = 显示后面的记录
to-start = 回到首页
from-until = { $from } 至 { $until }
month = 月份
site = 场所
due = 截止日
standing = 状态
quarter = { $year }年第{ $quarter }季度
category = 类别
province = 省份
element = 元素

# The way around
nav-verify = 核验许可证
nav-processing-times = 办理时长
nav-statistics = 统计
nav-returns = 月报

# The start page
start-title = 稀土与磁体登记
start-public = 生产者在此申报，出口者在此申请许可证，海关在此核验。任何人都可以核验许可证、查看办理时长和公开统计。
start-welcome = { $name }，您好
start-lead = 这是您的工作页面。
start-no-work = 您的账户目前没有可在这里办理的事项。请联系本单位的管理员。
start-for-anybody = 人人可查
tile-verify = 核验许可证
tile-verify-what = 这张许可证是真的吗？现在还有效吗？
tile-processing-times = 办理时长
tile-processing-times-what = 申请通常多久会有决定。
tile-statistics = 公开统计
tile-statistics-what = 按月公布的产量、贸易与出口数字。
tile-returns = 月报
tile-returns-what = 每个月什么时候到期，还缺什么。

# When a page cannot be shown: what happened, and what to do
refusal-sign-in-title = 请先登录
refusal-sign-in-advice = 登录后才能做这件事。
refusal-not-yours-title = 您的账户不能做这件事
refusal-not-yours-advice = 这页属于另一种角色。如果您需要它，请联系本单位的管理员。
refusal-not-found-title = 没有这一页
refusal-not-found-advice = 地址可能有误，或者所指的内容不存在或不属于您。
refusal-foreign-form-title = 这份表单不能接收
refusal-foreign-form-advice = 它不是由本站刚才显示的页面发出的，或者浏览器没有保留 Cookie。什么都没有改变。请返回上一页，刷新后再发送。
refusal-unreadable-title = 发送的内容无法读取
refusal-unreadable-advice = 什么都没有改变。请返回上一页再试一次。
refusal-too-large-title = 文件太大
refusal-too-large-advice = 最多接收 { $megabytes } MB。什么都没有改变。请把文件分成几份。
refusal-unavailable-title = 暂时无法显示
refusal-unavailable-advice = 系统的一部分没有回应。什么都没有丢失。请过一会儿再试。
refusal-stale-title = 内容刚才被别人更改了
refusal-stale-advice = 您的操作没有执行。请重新打开页面，看过新内容后再决定。
refusal-too-many-title = 请求过于频繁
refusal-too-many-advice = 请稍候再试。
refusal-refused-title = 没有执行
refusal-refused-advice = 原因如下。什么都没有改变。
refusal-internal-title = 系统出错
refusal-internal-advice = 错误已经记录。请再试一次；如果仍然出错，请把下面的编号告诉我们。
refusal-retry = { $seconds } 秒后可以再试。
refusal-trace = 编号：
refusal-half-reporting = 没有回应的是申报与统计部分；许可部分不受影响。
refusal-half-licensing = 没有回应的是许可部分；申报部分不受影响。
