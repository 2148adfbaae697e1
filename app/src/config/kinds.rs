//! What a setting accepts, found by trying values on the struct itself: so nothing has to be kept in step with it.

use std::sync::LazyLock;

use figment::error::Kind as Wrong;
use figment::providers::Serialized;
use figment::value::{Dict, Value};
use figment::{Error, Figment, Profile};

use super::yaml::Yaml;
use super::{Config, tree};

/// The kind of value that a setting accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text, for example a name or the path of a file.
    Text,
    /// A list of texts.
    Texts,
    /// A list of retention rules.
    Rules,
    /// An amount of bytes.
    Size,
    /// A duration.
    Time,
    /// A whole number, at most this.
    Number(u64),
    /// True or false.
    Flag,
    /// An IP address.
    Address,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A section of settings, or no setting at all.
    Section,
}

impl Kind {
    /// What the setting of this path accepts.
    pub(super) fn of(path: &[String]) -> Self {
        if is_section(path) {
            return Self::Section;
        }
        let takes = |value: Value| try_on(path, value).is_ok();
        let text = |text: &str| Value::from(text);
        let refused = try_on(path, text("?")).err().map(|error| error.kind);
        match refused {
            _ if takes(Value::from(vec!["?"])) => Self::Texts,
            _ if takes(Value::from(vec![a_rule()])) => Self::Rules,
            None => Self::Text,
            Some(Wrong::UnknownVariant(_, words)) => Self::OneOf(words),
            Some(_) if takes(text("1s")) => Self::Time,
            Some(_) if takes(text("1MiB")) => Self::Size,
            Some(_) if takes(text("127.0.0.1")) => Self::Address,
            Some(_) if takes(Value::from(true)) => Self::Flag,
            Some(_) => {
                let maxima = [u64::MAX, u32::MAX.into(), u16::MAX.into(), u8::MAX.into()];
                let max = maxima.into_iter().find(|&max| takes(Value::from(max)));
                max.map_or(Self::Section, Self::Number)
            }
        }
    }

    /// Continues "… is not": what is accepted, with an example.
    pub(super) fn accepted(&self) -> String {
        match self {
            Self::Text => "a text, for example \"my-log\"".into(),
            Self::Texts => "a list of texts, for example [\"a\", \"b\"]".into(),
            Self::Rules => {
                "a list of rules, for example [{prefix: session/, max_age: 7d}]".into()
            }
            Self::Size => "a size: a whole number of bytes or a text such as 16MiB".into(),
            Self::Time => "a duration: numbers with units, such as 500ms, 30s or 1h 30m".into(),
            Self::Number(u64::MAX) => "a whole number, for example 1000".into(),
            Self::Number(max) => format!("a whole number from 0 to {max}, for example 100"),
            Self::Flag => "true or false".into(),
            Self::Address => {
                "an IP address or localhost, for example 127.0.0.1, or 0.0.0.0 for all addresses of this machine".into()
            }
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::Section => "a section of settings".into(),
        }
    }

    /// The value of this kind that a variable or a flag gives as text; the text itself if it is none.
    pub(super) fn parse(&self, text: &str) -> Value {
        let trimmed = text.trim();
        let parsed = match self {
            Self::Number(_) => trimmed.parse::<u64>().ok().map(Value::from),
            Self::Flag => trimmed.parse::<bool>().ok().map(Value::from),
            Self::Texts => {
                let list = trimmed.trim_start_matches('[').trim_end_matches(']');
                let items = list.split(',').map(|item| item.trim().trim_matches('"'));
                let items: Vec<_> = items.filter(|item| !item.is_empty()).collect();
                Some(Value::from(items))
            }
            Self::Rules => serde_yaml::from_str(trimmed).ok().map(|Yaml(list)| list),
            Self::Size | Self::Time | Self::Address | Self::OneOf(_) => Some(Value::from(trimmed)),
            Self::Text | Self::Section => None,
        };
        parsed.unwrap_or_else(|| Value::from(text))
    }
}

fn a_rule() -> Value {
    let settings = [("prefix", "?"), ("max_age", "1s")];
    let settings = settings.map(|(name, value)| (name.to_owned(), Value::from(value)));
    Value::from(Dict::from(settings))
}

static DEFAULTS: LazyLock<Dict> = LazyLock::new(|| tree::of(Config::default()).unwrap_or_default());

/// A section would take a list: its settings in their order.
fn is_section(path: &[String]) -> bool {
    let Some((last, sections)) = path.split_last() else {
        return true;
    };
    let inner = |dict: Option<&'static Dict>, name: &String| dict?.get(name)?.as_dict();
    let section = sections.iter().fold(Some(&*DEFAULTS), inner);
    section.is_some_and(|section| matches!(section.get(last), Some(Value::Dict(..))))
}

/// The defaults, with this value in the place of one.
fn try_on(path: &[String], value: Value) -> Result<(), Box<Error>> {
    let in_sections = |inner, name: &String| Value::from(Dict::from([(name.clone(), inner)]));
    let tree = path.iter().rev().fold(value, in_sections);
    let defaults = Serialized::from(&*DEFAULTS, Profile::Default);
    let settings = Figment::from(defaults).merge(Serialized::from(tree, Profile::Default));
    settings.extract::<Config>().map(drop).map_err(Box::new)
}
