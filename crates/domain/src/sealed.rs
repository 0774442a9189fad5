//! The sealed channel: a foreign end user answers the authority past the supplier.
//!
//! What may happen to a channel is the one table below. The supplier is told that it is open or
//! complete, never what came or when.

use crate::codes::words;
use jiff::Timestamp;
use serde::Serialize;

words! {
    /// What an end user hands in.
    SealedKind {
        /// The certificate of end user and end use; the end user may release it to the supplier.
        Certificate = "certificate",
        /// Photographs of workshops and machines.
        Photograph = "photograph",
        /// Drawings.
        Drawing = "drawing",
        /// Lists of customers, products or machines.
        List = "list",
        /// Anything else.
        Other = "other",
    }
}

words! {
    /// Where a channel stands.
    ChannelStanding {
        /// Nobody has opened the link.
        Waiting = "waiting",
        /// Somebody has, and has a key.
        Opened = "opened",
        /// The end user said that this is all.
        Complete = "complete",
        /// The supplier took it back.
        Revoked = "revoked",
        /// Its time is over.
        Expired = "expired",
    }
}

words! {
    /// What can be done with a channel.
    ChannelStep {
        /// Open the link and be given a key.
        Open = "open",
        /// Hand something in.
        Add = "add",
        /// Say that this is all.
        Complete = "complete",
        /// Let the supplier have the certificate.
        Release = "release",
        /// Take it back.
        Revoke = "revoke",
    }
}

use ChannelStanding as S;
use ChannelStep as A;

/// Everything that may happen to a channel. What is not here may not happen.
pub const CHANNEL_STEPS: &[(ChannelStanding, ChannelStep)] = &[
    (S::Waiting, A::Open),
    (S::Waiting, A::Revoke),
    (S::Opened, A::Add),
    (S::Opened, A::Complete),
    (S::Opened, A::Revoke),
    (S::Complete, A::Release),
];

/// A channel, as far as its life is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// When the link ends.
    pub expires_at: Timestamp,
    /// Whether somebody opened it.
    pub opened: bool,
    /// Whether it is complete.
    pub completed: bool,
    /// Whether it was taken back.
    pub revoked: bool,
}

/// The step is not possible now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{step} is not possible while the channel is {standing}")]
pub struct ChannelStepNotPossible {
    /// Where it stands.
    pub standing: ChannelStanding,
    /// What was wanted.
    pub step: ChannelStep,
}

impl Channel {
    /// Where it stands at a moment. What is complete stays so: the end user sees who reads it.
    pub fn standing(&self, at: Timestamp) -> ChannelStanding {
        match self {
            Self { revoked: true, .. } => S::Revoked,
            Self { completed: true, .. } => S::Complete,
            _ if self.expires_at <= at => S::Expired,
            Self { opened: true, .. } => S::Opened,
            _ => S::Waiting,
        }
    }

    /// Whether a step may be taken at a moment.
    pub fn take(&self, step: ChannelStep, at: Timestamp) -> Result<(), ChannelStepNotPossible> {
        let standing = self.standing(at);
        if CHANNEL_STEPS.contains(&(standing, step)) {
            Ok(())
        } else {
            Err(ChannelStepNotPossible { standing, step })
        }
    }
}

impl ChannelStanding {
    /// What the supplier is told: whether somebody has opened the link is not among it.
    pub const fn for_supplier(self) -> &'static str {
        match self {
            Self::Waiting | Self::Opened => "open",
            Self::Complete => "complete",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

impl SealedKind {
    /// What the end user is asked for, in Chinese and in English.
    pub const fn asked(self) -> (&'static str, &'static str) {
        match self {
            Self::Certificate => (
                "最终用户和最终用途证明文件（必须提交；您可以之后放行给供应商）",
                "the certificate of end user and end use (needed; you may release it to the supplier afterwards)",
            ),
            Self::Photograph => (
                "厂房和设备照片（只给主管部门看）",
                "photographs of workshops and machines (for the authority only)",
            ),
            Self::Drawing => ("图纸（只给主管部门看）", "drawings (for the authority only)"),
            Self::List => (
                "客户、产品或设备清单（只给主管部门看）",
                "lists of customers, products or machines (for the authority only)",
            ),
            Self::Other => ("其他材料（只给主管部门看）", "anything else (for the authority only)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[expect(
        clippy::fn_params_excessive_bools,
        reason = "a channel is told by what happened to it"
    )]
    fn channel(opened: bool, completed: bool, revoked: bool, expired: bool) -> Channel {
        let day = jiff::SignedDuration::from_hours(24);
        Channel { expires_at: if expired { NOW } else { NOW + day }, opened, completed, revoked }
    }

    #[rstest]
    #[case::fresh(channel(false, false, false, false), S::Waiting, "open", &[A::Open, A::Revoke])]
    #[case::opened(channel(true, false, false, false), S::Opened, "open", &[A::Add, A::Complete, A::Revoke])]
    #[case::complete(channel(true, true, false, false), S::Complete, "complete", &[A::Release])]
    #[case::complete_for_long(channel(true, true, false, true), S::Complete, "complete", &[A::Release])]
    #[case::over(channel(true, false, false, true), S::Expired, "expired", &[])]
    #[case::never_opened(channel(false, false, false, true), S::Expired, "expired", &[])]
    #[case::taken_back(channel(true, false, true, false), S::Revoked, "revoked", &[])]
    fn a_channel_takes_the_steps_of_its_standing(
        #[case] channel: Channel,
        #[case] standing: ChannelStanding,
        #[case] told: &str,
        #[case] steps: &[ChannelStep],
    ) {
        assert_eq!(channel.standing(NOW), standing);
        assert_eq!(standing.for_supplier(), told);
        let possible: Vec<ChannelStep> = ChannelStep::ALL
            .iter()
            .copied()
            .filter(|step| channel.take(*step, NOW).is_ok())
            .collect();
        assert_eq!(possible, steps);
    }
}
