//! What a condition says, for people.

use super::{Condition, Requirement};
use crate::{identifiers::PortCode, regime::Sentence};

impl Condition {
    /// The condition in both languages, with the line it is for.
    pub fn sentence(&self) -> Sentence {
        let said = self.requirement.sentence();
        match self.line {
            None => said,
            Some(line) => Sentence::new(
                format!("第{line}行：{}", said.zh),
                format!("Line {line}: {}", said.en),
            ),
        }
    }
}

impl Requirement {
    /// What must hold, in both languages.
    pub fn sentence(&self) -> Sentence {
        match self {
            Self::ShipmentAtMost { quantity_kg } => Sentence::new(
                format!("每批出口不超过 {quantity_kg} 千克。"),
                format!("Each shipment is of at most {quantity_kg} kg."),
            ),
            Self::ConsigneesOnly { names } => Sentence::new(
                format!("收货人仅限：{}。", names.join("；")),
                format!("The goods go to these consignees only: {}.", names.join("; ")),
            ),
            Self::EndUsersOnly { names } => Sentence::new(
                format!("最终用户仅限：{}。", names.join("；")),
                format!("The goods are for these end users only: {}.", names.join("; ")),
            ),
            Self::PortsOnly { ports } => {
                let ports: Vec<&str> = ports.iter().map(PortCode::as_str).collect();
                Sentence::new(
                    format!("仅限经下列海关出口：{}。", ports.join("、")),
                    format!(
                        "The goods leave through these customs offices only: {}.",
                        ports.join(", ")
                    ),
                )
            }
            Self::NotBefore { day } => Sentence::new(
                format!("{day} 之前不得出口。"),
                format!("No goods leave before {day}."),
            ),
            Self::NotAfter { day } => Sentence::new(
                format!("{day} 之后不得出口。"),
                format!("No goods leave after {day}."),
            ),
            Self::ShipmentsAtMost { shipments } => Sentence::new(
                format!("出口不超过 {shipments} 批。"),
                format!("There are at most {shipments} shipments."),
            ),
            Self::DaysBetweenShipments { days } => Sentence::new(
                format!("两批出口至少间隔 {days} 天。"),
                format!("At least {days} days lie between two shipments."),
            ),
            Self::DocumentRequired { document } => Sentence::new(
                format!("报关单须注明单证：{document}。"),
                format!("The declaration refers to a document of the kind {document}."),
            ),
        }
    }
}
