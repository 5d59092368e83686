//! What Kustomize makes of files, as far as it changes where objects are: it puts them into a namespace, renames them, and
//! patches them. <https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/>

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ingraft_cluster::documents::{self, Document};
use serde_json::Value;

use super::report::Item;

/// The names of its files.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// No folder is looked for further up, and none is included through more.
const DEEPEST: usize = 8;

/// What of it is known of some files.
#[derive(Debug, Clone, Default)]
pub struct Kustomized {
    /// The namespace of objects that do not name one, by file.
    namespaces: BTreeMap<String, String>,
    /// The files whose Instrumentations are patched.
    patched: BTreeSet<String>,
    /// The files that are patches.
    patches: BTreeSet<String>,
    /// Some objects get other names, or are put into several namespaces.
    is_open: bool,
}

/// One file of Kustomize.
#[derive(Debug)]
struct Kustomization {
    folder: PathBuf,
    namespace: Option<String>,
    /// The files and folders that it includes.
    resources: BTreeSet<PathBuf>,
    /// The files that are patches.
    patches: BTreeSet<PathBuf>,
    /// Whether one of its patches is about an Instrumentation.
    patches_instrumentations: bool,
    renames: bool,
}

/// Whether Kustomize puts the files of a folder in order: it takes those of the folders within, too.
pub fn is_of_kustomize(folder: &Path) -> bool {
    folder.ancestors().any(|folder| file_in(folder).is_some())
}

fn file_in(folder: &Path) -> Option<PathBuf> {
    NAMES.iter().map(|name| folder.join(name)).find(|file| file.is_file())
}

impl Kustomized {
    /// What is made of documents, by the files of Kustomize in their folders, above them, and in the folders that are looked at.
    pub fn of(documents: &[Document], folders: impl IntoIterator<Item = PathBuf>) -> Self {
        let files: BTreeSet<&str> = documents.iter().map(|document| document.file.as_str()).collect();
        let mut known: BTreeMap<PathBuf, Kustomization> = BTreeMap::new();
        let parents = files.iter().filter_map(|file| Path::new(file).parent()).map(Path::to_path_buf);
        let own = parents.filter_map(|folder| folder.canonicalize().ok());
        let above = own
            .flat_map(|folder| folder.ancestors().take(DEEPEST).map(Path::to_path_buf).collect::<Vec<_>>());
        let looked = folders.into_iter().filter_map(|folder| folder.canonicalize().ok());
        for folder in above.chain(looked).collect::<BTreeSet<_>>() {
            if let Some(read) = file_in(&folder).and_then(|file| Kustomization::read(&folder, &file)) {
                known.insert(folder, read);
            }
        }
        let mut kustomized = Self::default();
        for file in files {
            let Ok(path) = Path::new(file).canonicalize() else { continue };
            if known.values().any(|one| one.patches.contains(&path)) {
                kustomized.patches.insert(file.to_owned());
            }
            let including = known.values().filter(|one| one.resources.contains(&path));
            let mut ends = BTreeSet::new();
            for one in including {
                one.ends(&known, Way::default(), DEEPEST, &mut ends);
            }
            kustomized.is_open |= ends.iter().any(|end| end.is_renamed)
                || ends.iter().map(|end| &end.namespace).collect::<BTreeSet<_>>().len() > 1;
            if ends.iter().any(|end| end.is_patched) {
                kustomized.patched.insert(file.to_owned());
            }
            if let Some(namespace) = ends.into_iter().find_map(|end| end.namespace) {
                kustomized.namespaces.insert(file.to_owned(), namespace);
            }
        }
        kustomized
    }

    /// The namespace of objects in a file that do not name one.
    pub fn namespace(&self, file: &str) -> Option<&str> {
        self.namespaces.get(file).map(String::as_str)
    }

    /// The files that are patches.
    pub const fn patches(&self) -> &BTreeSet<String> {
        &self.patches
    }

    /// Whether a file has patches and no objects.
    pub fn is_patch(&self, file: &str) -> bool {
        self.patches.contains(file)
    }

    /// Whether what is told is so whatever Kustomize does.
    pub fn is_certain(&self, item: &Item) -> bool {
        match item.code() {
            "InstrumentationMissing"
            | "InstrumentationNotFound"
            | "EndpointServiceMissing"
            | "EndpointWithoutNamespace"
            | "EndpointPortNotServed" => !self.is_open,
            "EndpointMissing" | "SamplerTypeMissing" => {
                item.place.as_ref().is_none_or(|place| !self.patched.contains(&place.file))
            }
            _ => true,
        }
    }
}

/// What happens to an object on its way through files of Kustomize.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    namespace: Option<String>,
    is_renamed: bool,
    is_patched: bool,
}

impl Kustomization {
    fn read(folder: &Path, file: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(file).ok()?;
        let read = documents::read(&file.display().to_string(), &text).ok()?;
        let value = &read.first()?.value;
        let texts = |field: &str| {
            let items = value.get(field).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(Value::as_str).collect::<Vec<_>>()
        };
        let there = |name: &str| folder.join(name).canonicalize().ok();
        let resources = ["resources", "bases", "components"].into_iter().flat_map(texts);
        let of_patches = value.get("patches").and_then(Value::as_array).into_iter().flatten();
        let field = |patch: &Value, field: &str| patch.get(field).and_then(Value::as_str).map(str::to_owned);
        let named: Vec<String> = texts("patchesStrategicMerge").into_iter().map(str::to_owned).collect();
        let json = value.get("patchesJson6902").and_then(Value::as_array).into_iter().flatten();
        let all: Vec<&Value> = of_patches.chain(json).collect();
        let paths = all.iter().filter_map(|patch| field(patch, "path"));
        let patches: BTreeSet<PathBuf> = paths.chain(named.clone()).filter_map(|name| there(&name)).collect();
        let is_about = |text: &str| text.contains("Instrumentation");
        let patches_instrumentations = all.iter().any(|patch| is_about(&patch.to_string()))
            || named.iter().any(|text| is_about(text))
            || patches.iter().any(|file| std::fs::read_to_string(file).is_ok_and(|text| is_about(&text)));
        Some(Self {
            folder: folder.to_path_buf(),
            namespace: value.get("namespace").and_then(Value::as_str).map(str::to_owned),
            resources: resources.filter_map(there).collect(),
            patches,
            patches_instrumentations,
            renames: ["namePrefix", "nameSuffix"].iter().any(|field| value.get(field).is_some()),
        })
    }

    /// What an object is once every file of Kustomize has included it that does. The outermost namespace counts.
    fn ends(&self, known: &BTreeMap<PathBuf, Self>, way: Way, deep: usize, ends: &mut BTreeSet<Way>) {
        let way = Way {
            namespace: self.namespace.clone().or(way.namespace),
            is_renamed: way.is_renamed || self.renames,
            is_patched: way.is_patched || self.patches_instrumentations,
        };
        let mut outer =
            known.values().filter(|one| deep > 0 && one.resources.contains(&self.folder)).peekable();
        if outer.peek().is_none() {
            ends.insert(way);
            return;
        }
        for one in outer {
            one.ends(known, way.clone(), deep - 1, ends);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outermost_namespace_counts_and_several_leave_it_open() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        let kind = "apiVersion: opentelemetry.io/v1alpha1\nkind: Instrumentation\nmetadata: {name: a}\n";
        let file = write("base/a.yaml", kind);
        write("base/kustomization.yaml", "namespace: inner\nresources: [a.yaml]\n");
        let name = file.display().to_string();
        let seen = || {
            let documents = documents::read(&name, kind).unwrap();
            let folders = ["base", "one", "two"].map(|name| folder.path().join(name));
            let kustomized = Kustomized::of(&documents, folders);
            (kustomized.namespace(&name).map(str::to_owned), kustomized.is_open)
        };
        assert_eq!(seen(), (Some("inner".to_owned()), false));
        write("one/kustomization.yaml", "namespace: outer\nresources: [../base]\n");
        assert_eq!(seen(), (Some("outer".to_owned()), false));
        write("two/kustomization.yaml", "namespace: other\nresources: [../base]\n");
        assert!(seen().1);
        write("two/kustomization.yaml", "namespace: outer\nnamePrefix: x-\nresources: [../base]\n");
        assert!(seen().1);
    }

    #[test]
    fn patches_are_told_from_objects_and_what_they_change_is_left_open() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let kind = "apiVersion: opentelemetry.io/v1alpha1\nkind: Instrumentation\nmetadata: {name: a}\n";
        let (object, patch) = (write("a.yaml", kind), write("p.yaml", kind));
        write("kustomization.yaml", "resources: [a.yaml]\npatches: [{path: p.yaml}]\n");
        let documents = [&object, &patch].map(|file| documents::read(file, kind).unwrap()).concat();
        let kustomized = Kustomized::of(&documents, []);
        assert!(kustomized.is_patch(&patch) && !kustomized.is_patch(&object));
        assert!(kustomized.patched.contains(&object) && !kustomized.is_open);
    }
}
