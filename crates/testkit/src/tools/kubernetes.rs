//! The versions of Kubernetes that can be built.
//!
//! A version's number is in the file that names its Go modules, and nowhere else.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, bail};

use super::build::Module;

/// The module whose version is that of Kubernetes.
const MODULE: &str = "k8s.io/kubernetes";

/// A version of Kubernetes. The default is the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kubernetes {
    go_mod: &'static str,
    requirements: &'static str,
    tags: &'static str,
}

impl Kubernetes {
    /// The variable that chooses a version where there is no command line: `1.35`, or all of `1.35.4`.
    pub const VARIABLE: &str = "INGRAFT_KUBERNETES";

    /// The newest version that is supported.
    pub const NEWEST: Self =
        Self { go_mod: "go.mod", requirements: include_str!("../../go/kubernetes/go.mod"), tags: "" };

    /// The oldest version that is supported in full.
    pub const OLDEST: Self = Self {
        go_mod: "oldest.mod",
        requirements: include_str!("../../go/kubernetes/oldest.mod"),
        tags: "oldest",
    };

    /// Returns the version that `INGRAFT_KUBERNETES` names, otherwise the newest.
    ///
    /// # Errors
    /// When the variable names another version.
    pub fn chosen() -> anyhow::Result<Self> {
        match std::env::var(Self::VARIABLE) {
            Ok(name) if !name.is_empty() => name.parse().context(Self::VARIABLE),
            _ => Ok(Self::NEWEST),
        }
    }

    /// The number, such as `1.35.4`.
    pub fn version(self) -> &'static str {
        let required = |line: &'static str| line.trim().strip_prefix(MODULE)?.strip_prefix(" v");
        self.requirements.lines().find_map(required).unwrap_or_default()
    }

    /// How to build a program of the Go module `kubernetes` in this version.
    pub(super) fn module(self, name: &'static str, package: &'static str) -> Module {
        Module {
            folder: "kubernetes",
            package,
            go_mod: self.go_mod,
            tags: self.tags,
            ..Module::new(name, self.version())
        }
    }

    /// What the linker writes into the programs, which otherwise take themselves for version 0.
    pub(super) fn ldflags(self) -> String {
        let version = self.version();
        let mut numbers = version.split('.');
        let [major, minor] = [(); 2].map(|()| numbers.next().unwrap_or_default());
        let set = |name: &str, value: &str| format!(" -X k8s.io/component-base/version.{name}={value}");
        let version = format!("v{version}");
        ["-s -w", &set("gitVersion", &version), &set("gitMajor", major), &set("gitMinor", minor)].concat()
    }
}

impl fmt::Display for Kubernetes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.version())
    }
}

impl FromStr for Kubernetes {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let is_named = |one: &Self| {
            let rest = one.version().strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let versions = [Self::NEWEST, Self::OLDEST];
        let Some(found) = versions.into_iter().find(is_named) else {
            let [newest, oldest] = versions;
            bail!("Kubernetes {name} cannot be built: choose {newest} or {oldest}");
        };
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_by_their_beginning() {
        for version in [Kubernetes::NEWEST, Kubernetes::OLDEST] {
            let number = version.version();
            let (minor, _) = number.rsplit_once('.').unwrap();
            assert_eq!(number.parse::<Kubernetes>().unwrap(), version);
            assert_eq!(minor.parse::<Kubernetes>().unwrap(), version);
            // A number that is only begun names no version.
            assert!(minor[..minor.len() - 1].parse::<Kubernetes>().is_err());
            assert!(version.ldflags().contains(&format!("gitVersion=v{number} ")));
            assert!(version.ldflags().ends_with(&format!("gitMinor={}", minor.rsplit_once('.').unwrap().1)));
        }
    }
}
