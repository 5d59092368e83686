//! Links between pages lead somewhere.

use std::path::{Path, PathBuf};

/// The pages that people write, and the links in what they say.
fn pages() -> Vec<PathBuf> {
    let root = crate::path("");
    let of = |folder: &str| std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    ["", "docs", "docs/findings", "docs/reference"].into_iter().flat_map(of).filter(is_page).collect()
}

/// A page without its blocks of code.
fn prose(page: &str) -> String {
    let mut is_code = false;
    let lines = page.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What a heading is linked as.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_leads_to_a_page_and_to_a_heading_of_it() {
    let (mut count, mut wrong) = (0, Vec::new());
    for page in pages() {
        let text = prose(&std::fs::read_to_string(&page).unwrap());
        for after in text.split("](").skip(1) {
            let (target, _) = after.split_once(')').unwrap();
            if target.contains("://") {
                continue;
            }
            count += 1;
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let folder = page.parent().unwrap();
            let file = if file.is_empty() { page.clone() } else { folder.join(file) };
            if !leads(&file, heading) {
                wrong.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "{count}");
}

fn leads(file: &Path, heading: &str) -> bool {
    if heading.is_empty() {
        return file.exists();
    }
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let text = prose(&text);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).any(|known| known == heading)
}
