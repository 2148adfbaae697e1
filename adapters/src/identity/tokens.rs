//! Bearer tokens from a file, or a mounted Kubernetes Secret.
//!
//! One token a line: a name, its rights, and the token or its SHA-256 digest, parted by spaces. Blank lines and lines
//! that begin with `#` are skipped.
//!
//! ```text
//! # name     rights         token
//! ingest     append         9tQm0vVtGdQnY8x1c5Wq2A
//! dashboards read           sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//! operator   read,append    …
//! ```

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use log_domain::{Authorizer, Credentials, Denied, Right, Rights};
use parking_lot::RwLock;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::small_file::SmallFile;

/// Fewer characters can be guessed.
const MIN_TOKEN: usize = 16;
const DIGEST_PREFIX: &str = "sha256:";

/// The tokens of a file. Only their digests are kept.
pub struct TokenFile {
    file: SmallFile,
    tokens: RwLock<Arc<Tokens>>,
    /// Digest of what was last read, good or bad.
    read: RwLock<[u8; SHA256_OUTPUT_LEN]>,
}

/// Why a file of tokens is not usable. It never quotes the file, because misplaced text may be a token.
#[derive(Debug)]
pub struct BadTokens {
    path: PathBuf,
    why: String,
}

impl fmt::Display for BadTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for BadTokens {}

impl TokenFile {
    /// Reads the tokens in the file at `path`.
    ///
    /// # Errors
    /// [`BadTokens`] when it cannot be read, does not parse, or holds none.
    pub fn open(path: &Path) -> Result<Self, BadTokens> {
        let bad = |why| BadTokens {
            path: path.to_owned(),
            why,
        };
        let file = SmallFile::new(path);
        let text = file.read().map_err(|error| bad(error.to_string()))?;
        let tokens = Tokens::parse(&text).map_err(bad)?;
        Ok(Self {
            file,
            tokens: RwLock::new(Arc::new(tokens)),
            read: RwLock::new(digest_of(&text)),
        })
    }

    /// Reads the file again; answers how many tokens it holds now if it has changed. After an error the
    /// previous tokens stay valid, and the same bad content is not reported again.
    ///
    /// # Errors
    /// As [`TokenFile::open`].
    pub async fn reload(&self) -> Result<Option<usize>, BadTokens> {
        let bad = |why| BadTokens {
            path: self.file.path().to_owned(),
            why,
        };
        let text = self.file.read_again().await;
        let now = match &text {
            Ok(text) => digest_of(text),
            Err(error) => digest_of(error.to_string().as_bytes()),
        };
        if std::mem::replace(&mut *self.read.write(), now) == now {
            return Ok(None);
        }
        let text = text.map_err(|error| bad(error.to_string()))?;
        let tokens = Tokens::parse(&text).map_err(bad)?;
        let count = tokens.0.len();
        *self.tokens.write() = Arc::new(tokens);
        Ok(Some(count))
    }

    /// How many tokens hold now.
    pub fn count(&self) -> usize {
        self.tokens.read().0.len()
    }
}

impl Authorizer for TokenFile {
    fn authorize(&self, credentials: Credentials<'_>, right: Right) -> Result<(), Denied> {
        let bearer = credentials.bearer.ok_or(Denied::Unauthenticated)?;
        let tokens = Arc::clone(&self.tokens.read());
        match tokens.find(bearer) {
            None => Err(Denied::Unauthenticated),
            Some(rights) if rights.allow(right) => Ok(()),
            Some(_) => Err(Denied::Insufficient),
        }
    }
}

struct Tokens(Vec<Token>);

struct Token {
    name: String,
    rights: Rights,
    digest: Digest,
}

/// A digest that can only be compared in constant time: it has no `==`.
struct Digest([u8; SHA256_OUTPUT_LEN]);

impl Digest {
    fn is(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl Tokens {
    /// The rights of `bearer`.
    ///
    /// Digests are compared, so that every comparison is of the same length; each in constant time; and with every
    /// token, whichever fits. So the time it takes depends only on how many tokens there are and how long `bearer` is.
    fn find(&self, bearer: &str) -> Option<Rights> {
        let shown = Digest(digest_of(bearer.as_bytes()));
        let (mut found, mut at) = (Choice::from(0), 0_u64);
        for (index, token) in self.0.iter().enumerate() {
            let same = token.digest.is(&shown);
            found |= same;
            at.conditional_assign(&(index as u64), same);
        }
        let token = usize::try_from(at).ok().and_then(|at| self.0.get(at));
        token
            .filter(|_| bool::from(found))
            .map(|token| token.rights)
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|_| "the file is not UTF-8".to_owned())?;
        // A byte order mark, which some editors put first.
        let text = text.trim_start_matches('\u{feff}');
        let mut tokens: Vec<Token> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let token = Token::parse(line).map_err(|why| format!("line {number} {why}"))?;
            if tokens.iter().any(|other| other.name == token.name) {
                return Err(format!("line {number} has the name of an earlier line"));
            }
            if tokens
                .iter()
                .any(|other| bool::from(other.digest.is(&token.digest)))
            {
                return Err(format!("line {number} has the token of an earlier line"));
            }
            tokens.push(token);
        }
        if tokens.is_empty() {
            return Err("there is no token in the file".to_owned());
        }
        Ok(Self(tokens))
    }
}

impl Token {
    fn parse(line: &str) -> Result<Self, &'static str> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, rights, token] = words[..] else {
            return Err("is not a name, rights and a token, separated by spaces");
        };
        let mut all = Rights::default();
        for word in rights.split(',') {
            let right = Right::ALL.into_iter().find(|right| right.name() == word);
            let right = right
                .ok_or("has rights that are not read, append or admin, separated by commas")?;
            all = all.with(right);
        }
        let digest = match token.strip_prefix(DIGEST_PREFIX) {
            Some(hex) => {
                from_hex(hex).ok_or("has a SHA-256 digest that is not 64 hexadecimal digits")?
            }
            None if token.len() < MIN_TOKEN => {
                return Err("has a token of less than 16 characters");
            }
            None if !token.bytes().all(may_be_in_a_token) => {
                return Err("has a token with characters that are not A-Z a-z 0-9 - . _ ~ + / =");
            }
            None => digest_of(token.as_bytes()),
        };
        Ok(Self {
            name: name.to_owned(),
            rights: all,
            digest: Digest(digest),
        })
    }
}

/// As RFC 6750 has it.
fn may_be_in_a_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

fn from_hex(hex: &str) -> Option<[u8; SHA256_OUTPUT_LEN]> {
    let mut digest = [0; SHA256_OUTPUT_LEN];
    if hex.len() != 2 * digest.len() || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in digest.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
    }
    Some(digest)
}

fn digest_of(bytes: &[u8]) -> [u8; SHA256_OUTPUT_LEN] {
    let mut out = [0; SHA256_OUTPUT_LEN];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
mod tests;
