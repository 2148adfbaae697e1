//! `/console`: a page to look at the log and to append to it, of files that the binary carries.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response, Result, Route, get};

use super::content::Content;
use super::fixed_page::{self, NOT_KEPT, fixed};
use crate::http::wire::failure::{Failure, Reason};
use crate::http::wire::route_table::{CONSOLE, CONSOLE_LIBRARIES, CONSOLE_VIEWS};

const PAGE: &str = include_str!("console/page.html");

/// What is below `/console/`.
const FOLDER: &str = "/console/";

/// The module of hooks names that of views as a package, which only a build step or a script in the page could resolve.
const PACKAGE: &str = "from\"preact\"";
/// Where that module is.
const BESIDE: &str = "from\"./preact.mjs\"";

macro_rules! files {
    ($($path:literal)*) => {
        [$(($path, include_bytes!(concat!("console/", $path)).as_slice()),)*]
    };
}

/// Every file, by its path below `/console/`.
#[rustfmt::skip]
const FILES: &[(&str, &[u8])] = &files!(
    "api.js" "app.js" "bytes.js" "charts.js" "cluster.js" "html.js" "icon.svg" "json.js" "metrics.js" "parts.js" "rates.js"
    "router.js" "samples.js" "scans.js" "sequences.js" "session.js" "shown.js" "snippets.js" "sse.js" "style.css" "theme.js"
    "views/access.js" "views/append.js" "views/cluster.js" "views/config.js" "views/cursors.js" "views/keys.js" "views/overview.js"
    "views/partition.js" "views/position.js" "views/record.js" "views/records.js" "views/segments.js" "views/tail.js" "views/tailing.js"
    "libraries/hooks.mjs" "libraries/htm.mjs" "libraries/preact.mjs" "libraries/uPlot.esm.js"
    "libraries/uPlot.min.css"
);

/// Adds the page and its files to `routes`.
pub(in crate::http) fn serve(routes: Route) -> Route {
    // Links relative to the page work below every path that a proxy puts it at.
    let page = |folder: &str| {
        let page = PAGE.replace("{folder}", folder);
        get(fixed("text/html; charset=utf-8", page, NOT_KEPT))
    };
    let files = std::sync::Arc::new(Files::new());
    let routes = routes.at("/console", page("console/")).at(FOLDER, page(""));
    [CONSOLE, CONSOLE_VIEWS, CONSOLE_LIBRARIES]
        .into_iter()
        .fold(routes, |routes, path| {
            let path = path.replace("{name}", ":name");
            routes.at(path, get(std::sync::Arc::clone(&files)))
        })
}

/// The files as they are served. A browser keeps them and asks each time whether they are current, so that a page never runs scripts of two versions.
struct Files(HashMap<&'static str, File>);

struct File {
    content: Content,
    /// Names the content, also when it is compressed.
    tag: HeaderValue,
}

impl Files {
    fn new() -> Self {
        let files = FILES
            .iter()
            .map(|&(path, bytes)| (path, File::new(path, bytes)));
        Self(files.collect())
    }
}

impl File {
    fn new(path: &'static str, bytes: &'static [u8]) -> Self {
        let bytes = match path {
            "libraries/hooks.mjs" => {
                Bytes::from(String::from_utf8_lossy(bytes).replace(PACKAGE, BESIDE))
            }
            _ => Bytes::from_static(bytes),
        };
        let digest = digest(&SHA256, &bytes);
        let hex = digest
            .as_ref()
            .iter()
            .take(12)
            .map(|byte| format!("{byte:02x}"));
        let tag = format!("W/\"{}\"", hex.collect::<String>());
        Self {
            content: Content::new(content_type(path), bytes),
            // Hexadecimal digits in quotation marks are a valid value.
            tag: HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("W/\"\"")),
        }
    }

    fn is_known(&self, headers: &HeaderMap) -> bool {
        let asked = headers.get_all(header::IF_NONE_MATCH).iter();
        let mut tags = asked
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        tags.any(|tag| tag.trim() == self.tag)
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    }
}

impl Endpoint for Files {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let path = request.uri().path().strip_prefix(FOLDER);
        let file = path.and_then(|path| self.0.get(path));
        let file = file.ok_or_else(|| Failure::new(Reason::NotFound, "there is no such path"))?;
        let mut response = match file.is_known(request.headers()) {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => file.content.answer(request.headers()),
        };
        fixed_page::say(response.headers_mut(), NOT_KEPT);
        response
            .headers_mut()
            .insert(header::ETAG, file.tag.clone());
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Write;
    use std::path::Path;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/routes/console");

    fn names(folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(Path::new(SOURCE).join(folder)).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names
            .map(|name| name.into_string().expect("UTF-8"))
            .collect()
    }

    #[test]
    fn every_script_and_style_in_the_folder_is_served() {
        let mut found = BTreeSet::new();
        for folder in ["", "views/", "libraries/"] {
            let served = |name: &String| {
                [".js", ".mjs", ".css", ".svg"]
                    .iter()
                    .any(|end| name.ends_with(end))
            };
            let names = names(folder).into_iter().filter(served);
            found.extend(names.map(|name| format!("{folder}{name}")));
        }
        let served: BTreeSet<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(served, found);
    }

    #[test]
    fn all_of_it_is_less_than_200_kb_when_it_is_compressed() {
        let compressed = |bytes: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).expect("written");
            encoder.finish().expect("compressed").len()
        };
        let files: usize = FILES.iter().map(|(_, bytes)| compressed(bytes)).sum();
        let whole = files + compressed(PAGE.as_bytes());
        assert!(whole < 200_000, "{whole} bytes");
    }

    #[test]
    fn scripts_of_our_own_are_short() {
        for (path, bytes) in FILES
            .iter()
            .filter(|(path, _)| !path.starts_with("libraries/"))
        {
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
            let most = if path.ends_with(".css") { 500 } else { 300 };
            assert!(lines <= most, "{path} has {lines} lines");
        }
    }

    #[test]
    fn the_libraries_are_the_files_that_are_stated_beside_them() {
        let stated =
            std::fs::read_to_string(format!("{SOURCE}/libraries/README.md")).expect("a file");
        for name in names("libraries")
            .iter()
            .filter(|name| *name != "README.md")
        {
            let bytes = std::fs::read(format!("{SOURCE}/libraries/{name}")).expect("a file");
            let digest = digest(&SHA256, &bytes);
            let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
            let line = format!("{}  {name}", hex.collect::<String>());
            assert!(stated.contains(&line), "{line}");
        }
    }

    #[test]
    fn the_module_of_hooks_finds_that_of_views() {
        let (_, hooks) = FILES
            .iter()
            .find(|(path, _)| *path == "libraries/hooks.mjs")
            .expect("hooks");
        let hooks = std::str::from_utf8(hooks).expect("UTF-8");
        assert_eq!(hooks.matches(PACKAGE).count(), 1);
    }
}
