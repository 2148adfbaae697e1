//! A policy is compared with calls as IAM does it.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use log_testkit::recorder::Call;
use log_testkit::s3_policy::{Permission, Policy, needed};

const DOCUMENT: &str = r#"
## Other
```json
{"Statement": []}
```
## Permissions
```json
{"Statement": [
  {"Sid": "List", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::my-log"},
  {"Sid": "Log", "Effect": "Allow", "Action": ["s3:GetObject", "s3:DeleteObject"], "Resource": "arn:aws:s3:::my-log/log/*"}
]}
```
"#;

fn call(method: &str, path: &str, query: &str, body: &str) -> Call {
    Call {
        method: method.into(),
        path: path.into(),
        query: query.into(),
        headers: Default::default(),
        body: body.into(),
    }
}

/// Whether the policy is the least for these calls.
fn is_least(calls: &[Call]) -> bool {
    let seen: BTreeSet<Permission> = calls.iter().flat_map(needed).collect();
    let policy = Policy::below("## Permissions", DOCUMENT);
    catch_unwind(AssertUnwindSafe(|| policy.assert_is_least(&seen))).is_ok()
}

#[test]
fn a_policy_is_the_least_when_every_permission_is_needed_and_every_call_is_allowed() {
    let list = call("GET", "/my-log", "list-type=2&prefix=log%2F", "");
    let get = call("HEAD", "/my-log/log/wal/1.sst", "", "");
    let key = |key| format!("<Delete><Object><Key>{key}</Key></Object></Delete>");
    let delete = call("POST", "/my-log", "delete", &key("log/a"));
    let all = [list, get, delete];
    assert!(is_least(&all));
    for left_out in 0..all.len() {
        let mut calls = all.to_vec();
        calls.remove(left_out);
        assert!(!is_least(&calls), "without {:?}", all[left_out]);
    }
    for more in [
        call("PUT", "/my-log/log/wal/1.sst", "", ""),
        call("GET", "/my-log/logs/1.sst", "", ""),
        call("GET", "/my-logs/log/1.sst", "", ""),
        call("POST", "/my-log", "delete", &key("other/a")),
    ] {
        let calls = [&all[..], std::slice::from_ref(&more)].concat();
        assert!(!is_least(&calls), "with {more:?}");
    }
}
