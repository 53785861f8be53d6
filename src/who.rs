//! Whoever does something that is written down: in reviews, cases, the case library, the programme of experience officers.

/// Somebody who does something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who {
    /// By which they are told apart.
    pub id: String,
    /// As people call them.
    pub name: String,
}

/// Who acts in the data folder itself, or through the socket in it.
pub(crate) const LOCAL: &str = "local";

impl Who {
    /// The rules that open cases.
    pub fn rule() -> Self {
        Self { id: "rule".to_owned(), name: "规则".to_owned() }
    }

    /// Somebody who acts in the data folder itself, by the name that they give; nobody has to give one.
    pub(crate) fn local(named: &str) -> Self {
        match named.trim() {
            "" => Self { id: LOCAL.to_owned(), name: LOCAL.to_owned() },
            name => Self { id: format!("{LOCAL}:{name}"), name: name.to_owned() },
        }
    }
}
