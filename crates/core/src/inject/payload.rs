//! The init container that copies an agent's files, and the volume that holds them (docs/reference/payload.md).

use ingraft_api::instrumentation::AgentBlock;
use ingraft_probe_contract::Libc;
use serde_json::{Value, json};

use super::draft::Draft;
use super::language_context::LanguageContext;
use super::new_container::NewContainer;
use super::pod::Container;
use super::probe::command::AgentFiles;
use super::{resources, security};
use crate::defaults;
use crate::finding::{Findings, Reason, Taken};

/// An agent's files and how they reach the targets.
#[derive(Debug)]
pub(crate) struct Payload {
    /// The name of the volume, and of the first init container.
    name: &'static str,
    /// Where the init containers mount the volume.
    folder: &'static str,
    /// The C library that the files are for, where it matters.
    libc: Option<Libc>,
    copies: Vec<Copy>,
}

/// One init container that copies files into the volume.
#[derive(Debug)]
struct Copy {
    name: String,
    /// The image, where it is not the agent's.
    image: Option<String>,
    command: Vec<String>,
}

impl Payload {
    pub(crate) fn new(name: &'static str, folder: &'static str, command: &[&str]) -> Self {
        let copy = Copy { name: name.to_owned(), image: None, command: owned(command) };
        Self { name, folder, libc: None, copies: vec![copy] }
    }

    /// Files that work with one C library only.
    pub(crate) fn for_libc(self, libc: Libc) -> Self {
        Self { libc: Some(libc), ..self }
    }

    /// Copies files from another image too, after those before.
    pub(crate) fn also_copy(&mut self, name: String, image: &str, command: &[&str]) {
        self.copies.push(Copy { name, image: Some(image.to_owned()), command: owned(command) });
    }

    /// Whether init containers and volume can be added, or are there already.
    pub(crate) fn check(&self, context: &LanguageContext<'_, '_>, draft: &Draft<'_>) -> Result<(), Reason> {
        for Copy { name, .. } in &self.copies {
            if draft.has_container(name) || draft.is_foreign(name, self.name) {
                return Err(context.taken(Taken::Container, name));
            }
        }
        match draft.volume(self.name) {
            Some(volume) if volume.get("emptyDir").is_none() && volume.get("ephemeral").is_none() => {
                Err(context.taken(Taken::Volume, self.name))
            }
            _ => Ok(()),
        }
    }

    /// Adds init containers and volume unless they are there, before the first target if that is an init container.
    pub(crate) fn add(
        &self,
        context: &LanguageContext<'_, '_>,
        first: Container<'_>,
        draft: &mut Draft<'_>,
        findings: &mut Findings,
    ) {
        draft.add_volumes([volume(self.name, context.block)]);
        let language = context.language();
        let any_version = !context.is_default_image();
        let variables = context.profile.loading_variables;
        draft.agents.push(AgentFiles { language, variables, libc: self.libc, any_version });
        // Extensions come with the agent's files or not at all.
        if draft.has_init_container(self.name) {
            return;
        }
        let resources = resources::of_init_container(context, first);
        let security = security::of_payload(context, first, findings);
        for copy in &self.copies {
            let (image, policy) = match &copy.image {
                // The reference gives extensions no pull policy (docs/reference/java.md 4).
                Some(image) => (image.as_str(), None),
                None => (context.image(), context.pull_policy(findings)),
            };
            let container = NewContainer::named(&copy.name)
                .image(image, policy)
                .with("command", Some(copy.command.as_slice()))
                .with("resources", resources.clone())
                .with("securityContext", security.clone())
                .mount(self.name, self.folder)
                .token_of(first)
                .build();
            draft.add_init_container(container, first.is_init().then_some(first.index));
        }
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// The volume for an agent's files: as large as the Instrumentation says, or a claim of its template.
pub(crate) fn volume(name: &str, block: AgentBlock<'_>) -> Value {
    if let Some(template) = block.volume_claim_template {
        return json!({"name": name, "ephemeral": {"volumeClaimTemplate": template}});
    }
    limited_volume(name, block)
}

/// The same without a claim.
pub(crate) fn limited_volume(name: &str, block: AgentBlock<'_>) -> Value {
    let limit = block.volume_limit_size.unwrap_or(defaults::VOLUME_LIMIT);
    json!({"name": name, "emptyDir": {"sizeLimit": limit}})
}
