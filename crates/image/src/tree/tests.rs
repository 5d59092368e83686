use ingraft_probe::Tree as _;
use proptest::prelude::*;

use super::*;

fn file(text: &str) -> Node {
    Node::File(Rc::new(File {
        size: text.len() as u64,
        start: Some(text.as_bytes().to_vec()),
        ..File::default()
    }))
}

fn put(path: &str, node: Node) -> Change {
    Change::Put(path.to_owned(), node)
}

fn link(path: &str, to: &str) -> Change {
    put(path, Node::Link(to.to_owned()))
}

fn text(tree: &Tree, path: &str) -> Option<String> {
    tree.bytes(path, 0, 100).map(|bytes| String::from_utf8(bytes).expect("text"))
}

fn tree<const N: usize>(layers: [Vec<Change>; N]) -> Tree {
    let mut tree = Tree::default();
    for layer in layers {
        tree.apply(&layer);
    }
    tree
}

/// Each of the folders above a file has a path as well.
#[test]
fn paths_have_a_limit_together() {
    let each = Node::Folder.weight();
    let mut tree = Tree { room: 2 * each + 10, ..Tree::default() };
    tree.apply(&[put("/a/b/c", file("1")), put("/d", file("2"))]);
    assert_eq!((tree.nodes.len(), tree.is_full()), (2, true));
    // Another name of a link holds once more where that leads.
    let mut tree = Tree { room: 2 * each + 150, ..Tree::default() };
    tree.apply(&[link("/a", &"x".repeat(100)), Change::Copy("/b".into(), "/a".into())]);
    assert_eq!((tree.nodes.len(), tree.is_full()), (1, true));
    assert!(!Tree::default().is_full());
}

#[test]
fn links_are_followed_from_the_root() {
    let tree = tree([vec![
        put("/usr/lib/x", file("x")),
        link("/lib", "usr/lib"),
        link("/abs", "/lib/x"),
        link("/usr/up", "../../../lib/./x"),
        link("/a", "b"),
        link("/b", "a"),
        link("/gone", "/missing/file"),
    ]]);
    for path in ["/usr/lib/x", "/lib/x", "/abs", "/usr/up", "//lib//x", "/usr/../lib/x"] {
        assert_eq!(tree.real(path).as_deref(), Some("/usr/lib/x"), "{path}");
        assert_eq!(text(&tree, path).as_deref(), Some("x"), "{path}");
    }
    for path in ["/a", "/b/c", "/gone", "/missing", "/abs/x"] {
        assert_eq!((tree.kind(path), tree.real(path)), (None, None), "{path}");
    }
    assert_eq!(
        (tree.kind("/"), tree.kind("/lib"), tree.kind("/usr")),
        (Some(Kind::Folder), Some(Kind::Folder), Some(Kind::Folder))
    );
}

#[test]
fn layers_replace_and_take_away() {
    let below = || vec![put("/a/x", file("1")), put("/a/y/z", file("2")), put("/b", file("3"))];
    let removed = tree([below(), vec![Change::Remove("/a".into()), put("/b", file("4"))]]);
    assert_eq!((removed.kind("/a"), removed.kind("/a/y/z")), (None, None));
    assert_eq!(text(&removed, "/b").as_deref(), Some("4"));
    // What the same layer puts there stays, wherever it stands in it.
    let emptied = tree([below(), vec![put("/a/new", file("5")), Change::Empty("/a".into())]]);
    assert_eq!(emptied.names("/a"), ["new"]);
    let folder_to_file = tree([below(), vec![put("/a", file("6"))]]);
    assert_eq!((text(&folder_to_file, "/a").as_deref(), folder_to_file.kind("/a/x")), (Some("6"), None));
    let file_to_folder = tree([below(), vec![put("/b", Node::Folder), put("/b/c", file("7"))]]);
    assert_eq!(text(&file_to_folder, "/b/c").as_deref(), Some("7"));
}

#[test]
fn later_layers_write_through_links_of_earlier_ones() {
    let below = || vec![put("/usr/lib/x", file("1")), link("/lib", "usr/lib")];
    let through = tree([below(), vec![put("/lib", Node::Folder), put("/lib/y", file("2"))]]);
    assert_eq!(through.real("/lib/y").as_deref(), Some("/usr/lib/y"));
    assert_eq!(text(&through, "/lib/x").as_deref(), Some("1"));
    let removed = tree([below(), vec![Change::Remove("/lib/x".into())]]);
    assert_eq!(removed.kind("/usr/lib/x"), None);
    let hard = tree([below(), vec![Change::Copy("/bin/x".into(), "/lib/x".into())]]);
    assert_eq!(text(&hard, "/bin/x").as_deref(), Some("1"));
}

#[test]
fn names_are_those_of_one_folder() {
    let names = ["/a/x", "/a-b/y", "/a/z/deep", "/a.c"];
    let tree = tree([names.iter().map(|path| put(path, file(""))).collect()]);
    assert_eq!(tree.names("/"), ["a", "a-b", "a.c"]);
    assert_eq!(tree.names("/a"), ["x", "z"]);
    assert_eq!(tree.names("/a/x"), [""; 0]);
}

#[test]
fn what_was_not_kept_is_not_known() {
    let node = |start: Option<&[u8]>, size| {
        Node::File(Rc::new(File { size, start: start.map(<[u8]>::to_vec), ..File::default() }))
    };
    let tree = tree([vec![
        put("/cut", node(Some(b"abc"), 9)),
        put("/whole", node(Some(b"abc"), 3)),
        put("/none", node(None, 3)),
    ]]);
    assert_eq!(tree.bytes("/cut", 1, 9).expect("start"), b"bc");
    assert_eq!(
        (tree.bytes("/cut", 3, 9), tree.bytes("/cut", 5, 9), tree.bytes("/none", 0, 9)),
        (None, None, None)
    );
    assert_eq!((tree.bytes("/whole", 3, 9), tree.bytes("/whole", u64::MAX, 9)), (Some(vec![]), Some(vec![])));
}

proptest! {
    #[test]
    fn any_layers_have_an_end(changes in proptest::collection::vec(("(/[ab.]{1,2}){1,3}", "/?([ab.]{1,2}/){0,3}[ab.]", 0..5_u8), 0..40)) {
        let changes = changes.into_iter().map(|(path, other, kind)| match kind {
            0 => put(&path, Node::Folder),
            1 => put(&path, file("x")),
            2 => link(&path, &other),
            3 => Change::Remove(path),
            _ => Change::Copy(path, format!("/{other}")),
        });
        let changes: Vec<Change> = changes.collect();
        let tree = tree([changes.clone(), changes]);
        for path in ["/a", "/a/b/a", "/b/../a", "/"] {
            prop_assert_eq!(tree.kind(path).is_some(), tree.real(path).is_some());
            if let Some(real) = tree.real(path) {
                prop_assert_eq!(tree.real(&real), Some(real.clone()));
            }
            tree.names(path);
        }
    }
}
