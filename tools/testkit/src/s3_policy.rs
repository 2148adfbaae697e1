//! IAM policies of S3: what a recorded call needs, and what a policy in a document allows.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::recorder::Call;

/// An action on a resource. Of what a policy allows, the resource can have a `*` in place of any text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    action: String,
    resource: String,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.action, self.resource)
    }
}

impl Permission {
    /// The permission for `s3:ACTION` on the bucket or `BUCKET/OBJECT`.
    pub fn new(action: &str, resource: &str) -> Self {
        Self {
            action: format!("s3:{action}"),
            resource: format!("arn:aws:s3:::{resource}"),
        }
    }

    /// Whether a policy with this permission allows what `needed` is about.
    fn allows(&self, needed: &Self) -> bool {
        self.action == needed.action && matches(&self.resource, &needed.resource)
    }
}

/// What S3 asks a policy for at such a call.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>
///
/// # Panics
/// When the call is none that is known.
pub fn needed(call: &Call) -> Vec<Permission> {
    let path = call.path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let has = |parameter: &str| call.query.split('&').any(|p| p.starts_with(parameter));
    let action = match call.method.as_str() {
        "GET" if key.is_empty() && has("list-type=2") => {
            return vec![Permission::new("ListBucket", bucket)];
        }
        "POST" if key.is_empty() && has("delete") => return deleted(bucket, call),
        "DELETE" if has("uploadId") => "AbortMultipartUpload",
        "DELETE" => "DeleteObject",
        "GET" | "HEAD" => "GetObject",
        "PUT" if !call.headers.contains_key("x-amz-copy-source") => "PutObject",
        "POST" if has("uploads") || has("uploadId") => "PutObject",
        _ => panic!("what does this need? {call:?}"),
    };
    assert!(!key.is_empty(), "a call for no object: {call:?}");
    vec![Permission::new(action, path)]
}

/// The objects that one call deletes.
fn deleted(bucket: &str, call: &Call) -> Vec<Permission> {
    let body = String::from_utf8_lossy(&call.body);
    let keys = body.split("<Key>").skip(1);
    let deleted: Vec<_> = keys
        .filter_map(|rest| rest.split_once("</Key>"))
        .map(|(key, _)| Permission::new("DeleteObject", &format!("{bucket}/{key}")))
        .collect();
    assert!(!deleted.is_empty(), "it deletes nothing: {call:?}");
    deleted
}

/// What a policy allows. It has no conditions, and only statements that allow.
#[derive(Debug)]
pub struct Policy(BTreeSet<Permission>);

impl Policy {
    /// The first policy of a document below this line.
    ///
    /// # Panics
    /// When there is none that can be read.
    pub fn below(line: &str, document: &str) -> Self {
        let (_, after) = document
            .split_once(&format!("\n{line}\n"))
            .unwrap_or_else(|| panic!("no line {line}"));
        let (_, policy) = after.split_once("```json\n").expect("a policy");
        let (policy, _) = policy.split_once("```").expect("the end of the policy");
        let policy: Value = serde_json::from_str(policy).expect("the policy is JSON");
        let mut allowed = BTreeSet::new();
        for statement in policy["Statement"].as_array().expect("statements") {
            let keys: BTreeSet<_> = statement.as_object().expect("a statement").keys().collect();
            let known = ["Action", "Effect", "Resource", "Sid"];
            assert!(keys.into_iter().eq(known), "{statement}");
            assert_eq!(statement["Effect"], "Allow");
            for action in texts(&statement["Action"]) {
                for resource in texts(&statement["Resource"]) {
                    allowed.insert(Permission {
                        action: action.to_owned(),
                        resource: resource.to_owned(),
                    });
                }
            }
        }
        Self(allowed)
    }

    /// Fails when a call needs what the policy does not allow.
    ///
    /// # Panics
    /// Then.
    pub fn assert_allows(&self, needed: &BTreeSet<Permission>) {
        let is_missing = |needed: &&Permission| !self.0.iter().any(|each| each.allows(needed));
        let missing: Vec<_> = needed.iter().filter(is_missing).collect();
        assert!(missing.is_empty(), "the policy lacks {missing:#?}");
    }

    /// Fails when a call needs what the policy does not allow, or the policy allows what no call needs.
    ///
    /// # Panics
    /// Then.
    pub fn assert_is_least(&self, needed: &BTreeSet<Permission>) {
        self.assert_allows(needed);
        let is_idle = |allowed: &&Permission| !needed.iter().any(|each| allowed.allows(each));
        let idle: Vec<_> = self.0.iter().filter(is_idle).collect();
        assert!(idle.is_empty(), "nothing needs {idle:#?}");
    }
}

/// Whether a text is that of the pattern, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.is_char_boundary(at) && matches(after, &rest[at..]))
        }),
    }
}

/// One text, or a list of them: IAM takes both.
fn texts(value: &Value) -> Vec<&str> {
    match value.as_array() {
        Some(list) => list.iter().filter_map(Value::as_str).collect(),
        None => value.as_str().into_iter().collect(),
    }
}
