//! Where files are, as other programs look for them.

use std::path::{Component, Path, PathBuf};

/// The absolute path of a file that was named in a folder, without `.` and `..`. Links are not followed.
pub fn absolute(file: &str, folder: &Path) -> PathBuf {
    let mut path = PathBuf::new();
    for component in folder.join(file).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop();
            }
            _ => path.push(component),
        }
    }
    path
}

/// The steps of a path from a folder to a file in or below it.
pub fn below<'a>(path: &'a Path, folder: &Path) -> Option<Vec<&'a str>> {
    let steps: Option<Vec<&str>> = path.strip_prefix(folder).ok()?.iter().map(|step| step.to_str()).collect();
    steps.filter(|steps| !steps.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_from_a_folder_above_it() {
        for (file, expected) in [
            ("a.yaml", Some(vec!["a.yaml"])),
            ("./b/../c//a.yaml", Some(vec!["c", "a.yaml"])),
            ("/work/c/a.yaml", Some(vec!["c", "a.yaml"])),
            ("../work/a.yaml", Some(vec!["a.yaml"])),
            ("../a.yaml", None),
            ("/workshop/a.yaml", None),
            ("/../../etc/a.yaml", None),
        ] {
            let folder = Path::new("/work");
            assert_eq!(below(&absolute(file, folder), folder), expected, "{file}");
        }
    }
}
