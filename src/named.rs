//! Lists of things that have a name each: states, steps, causes. One table gives the enum, its names and the way back.

/// An enum whose variants have a name in files, the ledger and JSON, and one that supervisors read.
macro_rules! named {
    ($(#[$about:meta])* $type:ident { $($(#[$doc:meta])* $name:ident = $text:literal, $zh:literal;)+ }) => {
        $(#[$about])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum $type {
            $($(#[$doc])* $name,)+
        }

        impl $type {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name in files, the ledger and JSON.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// What supervisors read.
            pub fn zh(self) -> &'static str {
                match self {
                    $(Self::$name => $zh,)+
                }
            }

            /// The one of a name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == name)
            }
        }
    };
}

pub(crate) use named;
