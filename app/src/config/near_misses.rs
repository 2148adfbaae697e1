//! Names of variables that leave out sections, shorten words, or are what other programs call it.

/// What other programs call a setting, in words, and ours.
const ELSEWHERE: [(&[&str], &str); 2] = [(&["level"], "log"), (&["log", "level"], "log")];

/// Variables of the command-line clients, which may be set for a server, too.
const OF_CLIENTS: [&str; 2] = ["url", "token"];

/// Sections whose settings have names that nobody takes for something else, so that the section may be missing.
const CLEAR: [&str; 3] = ["tls", "auth", "http"];

/// SlateDB has so many settings that half of all words are in one of them.
const OF_ENGINE: &str = "slatedb";

/// Shorter words are not taken for the beginning of a longer one.
const ABBREVIATION: usize = 4;

/// The setting that a variable of this name, without its prefix, was meant for.
pub(super) fn meant<'s>(name: &str, settings: &'s [String]) -> Option<&'s str> {
    let name = name.to_ascii_lowercase();
    if OF_CLIENTS.contains(&name.as_str()) {
        return None;
    }
    let words: Vec<_> = name.split('_').filter(|word| !word.is_empty()).collect();
    let elsewhere = ELSEWHERE.iter().find(|(known, _)| *known == words);
    let found = settings.iter().find(|path| match elsewhere {
        Some((_, ours)) => path == ours,
        None => is_meant(&words, path),
    });
    found.map(String::as_str)
}

fn is_meant(words: &[&str], path: &str) -> bool {
    let mut sections: Vec<_> = path.split('.').collect();
    let last = sections.pop().unwrap_or_default();
    let last: Vec<_> = last.split('_').collect();
    if words.is_empty() || sections.first() == Some(&OF_ENGINE) {
        return false;
    }
    // `LOG_FORMAT` for `log_format`.
    if let (["log", rest @ ..], []) = (&last[..], &sections[..]) {
        return !rest.is_empty() && rest == words;
    }
    let Some(section) = sections.last() else {
        return false;
    };
    // `LOG_CORS` for one of `http.cors`.
    if let [word] = words
        && sections.len() > 1
        && word == section
    {
        return true;
    }
    let all = [&sections[..], &last[..]].concat();
    let with_section = words.len() > 1 && words.iter().any(|word| stands_for(word, section));
    let without_section = words.len() >= last.len()
        && CLEAR.contains(&sections[0])
        && words[words.len() - last.len()..]
            .iter()
            .zip(&last)
            .all(|(word, known)| stands_for(word, known));
    (with_section || without_section) && is_in_order(words, &all)
}

/// Whether the words are some of the known ones, in their order.
fn is_in_order(words: &[&str], known: &[&str]) -> bool {
    let mut known = known.iter();
    words
        .iter()
        .all(|word| known.any(|known| stands_for(word, known)))
}

fn stands_for(word: &str, known: &str) -> bool {
    word == known || word.len() >= ABBREVIATION && known.starts_with(word)
}
