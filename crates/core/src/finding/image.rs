//! What an image shows before it runs.

use ingraft_api::Language;

use super::{Locale, Text, list};

family! {
    /// What an image shows before it runs.
    ImageFinding {
        /// Nothing in the image is known to be of a language that can be instrumented.
        Error: ImageLanguageUnknown
            example "The image has one static program, written in a language for which there is no agent:\n\n```sh\ningraft doctor --image ghcr.io/acme/proxy:1.2\n```"
            fix "Where the application brings its own OpenTelemetry SDK, request `instrumentation.opentelemetry.io/inject-sdk: 'true'`. Where you know better, request the language: what is in the image is found by names, and a runtime in an unusual folder is not seen.",
        /// The image has runtimes of several languages, and does not show which of them the application uses.
        Warning: ImageLanguageAmbiguous {
            /// The languages.
            found: Vec<String>,
        }
            example "The image has Node.js and Python, and what it starts is neither of them:\n\n```dockerfile\nENTRYPOINT [\"/usr/local/bin/start\"]\n```"
            fix "Request the language that the application is written in, such as `instrumentation.opentelemetry.io/inject-python: 'true'`.",
        /// The image is for another operating system than Linux.
        Error: ImageNotForLinux {
            /// The platform.
            platform: String,
        }
            example "The image was built for Windows, whose pods are not injected:\n\n```sh\ningraft doctor --image registry.example.com/shop/web:1-nanoserver\n```"
            fix "Use an image for Linux. Where a tag stands for images of several platforms, choose one: `--platform linux/amd64`.",
        /// The agent's image is not published for the architecture.
        Error: ImageArchitectureUnsupported {
            /// The language.
            language: Language,
            /// The platform.
            platform: String,
            /// The architectures that there are.
            known: &'static [&'static str],
        }
            example "nginx for ARM: the module is built for amd64 only.\n\n```sh\ningraft doctor --image nginx:1.29 --platform linux/arm64\n```"
            fix "Run the pods on nodes of an architecture that the agent has, such as `nodeSelector: {kubernetes.io/arch: amd64}`, or name an agent's image of your own in the Instrumentation.",
        /// The agent's image is not published for other architectures that the image is for.
        Info: OtherArchitectureUnsupported {
            /// The language.
            language: Language,
            /// The platforms.
            platforms: Vec<String>,
            /// The architectures that there are.
            known: &'static [&'static str],
        }
            example "An official image is also published for 32-bit machines, and the agent is not."
            fix "There is nothing to fix while no pod runs there: its init container could not be pulled. Keep injected pods on the others: `nodeSelector: {kubernetes.io/arch: amd64}`.",
        /// The image sets variables that injection sets too.
        Info: ImageSetsVariables {
            /// The variables.
            variables: Vec<String>,
        }
            example "The image of a Java application has options of its own:\n\n```dockerfile\nENV JAVA_TOOL_OPTIONS=\"-Xmx512m\"\n```"
            fix "Nothing where [the probe](../environment.md#the-probe) is proven to work: both values are joined. Elsewhere set them in the container's `env`, where they are joined too:\n\n```yaml\nenv:\n  - name: JAVA_TOOL_OPTIONS\n    value: \"-Xmx512m\"\n```",
        /// The language of the image is not injected unless it is switched on.
        Info: LanguageOffByDefault {
            /// The language.
            language: Language,
        }
            example "Go needs a privileged container, so it is off unless somebody wants it."
            fix "Install the operator with `ingraft manifests all --image IMAGE --arg=--enable-go-instrumentation=true`.",
        /// Not all of the image could be looked at.
        Warning: ImageNotWhole
            example "The image has more links, or longer lists of packages, than are looked at."
            fix "What is told holds; more may be there. Name the language by its annotation, as you know it.",
    }
}

impl ImageFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::ImageLanguageUnknown => Text::new(say!(
                locale,
                "nothing in the image is known to be of a language that can be instrumented",
                "no se reconoce en la imagen ningún lenguaje que se pueda instrumentar",
            ))
            .help(say!(
                locale,
                "request inject-sdk if it brings its own SDK, or the language that you know it has",
                "solicita inject-sdk si trae su propio SDK, o el lenguaje que sepas que tiene",
            )),
            Self::ImageLanguageAmbiguous { found } => {
                let found = list(found);
                Text::new(say!(
                    locale,
                    "the image has {found}, and does not show which of them the application uses",
                    "la imagen tiene {found}, y no muestra cuál de ellos usa la aplicación",
                ))
                .help(say!(
                    locale,
                    "request the language of the application by its annotation",
                    "solicita el lenguaje de la aplicación con su anotación",
                ))
            }
            Self::ImageNotForLinux { platform } => Text::new(say!(
                locale,
                "the image is for {platform}, and only pods on Linux are injected",
                "la imagen es para {platform}, y solo se inyectan los pods de Linux",
            ))
            .help(say!(locale, "use an image for Linux", "usa una imagen para Linux")),
            Self::ImageArchitectureUnsupported { language, platform, known } => {
                let known = known.join(", ");
                Text::new(say!(
                    locale,
                    "the agent for {language} is not published for {platform}, only for {known}",
                    "el agente de {language} no se publica para {platform}, solo para {known}",
                ))
                .help(say!(
                    locale,
                    "run the pods on nodes of another architecture, by nodeSelector",
                    "ejecuta los pods en nodos de otra arquitectura, con nodeSelector",
                ))
            }
            Self::OtherArchitectureUnsupported { language, platforms, known } => {
                let (platforms, known) = (list(platforms), known.join(", "));
                Text::new(say!(
                    locale,
                    "the image is also for {platforms}, and the agent for {language} only for {known}",
                    "la imagen es también para {platforms}, y el agente de {language} solo para {known}",
                ))
                .help(say!(
                    locale,
                    "keep injected pods off such nodes, by nodeSelector",
                    "no ejecutes pods inyectados en esos nodos: usa nodeSelector",
                ))
            }
            Self::ImageSetsVariables { variables } => {
                let all = list(variables);
                Text::new(say!(
                    locale,
                    "the image sets {all}: joined with what is injected where a probe can look (Kubernetes 1.35), hidden elsewhere",
                    "la imagen define {all}: se combinan con lo inyectado donde una sonda puede mirar (Kubernetes 1.35); en otros sitios quedan ocultas",
                ))
                .help(say!(
                    locale,
                    "to keep the values everywhere, set these in the container's env: {all}",
                    "para conservar los valores siempre, define estas variables en el env del contenedor: {all}",
                ))
            }
            Self::LanguageOffByDefault { language } => Text::new(say!(
                locale,
                "{language} is not injected unless the operator is told to",
                "{language} no se inyecta a menos que se le indique al operador",
            ))
            .help(say!(
                locale,
                "install it with ingraft manifests all --arg=--enable-{language}-instrumentation=true",
                "instálalo con ingraft manifests all --arg=--enable-{language}-instrumentation=true",
            )),
            Self::ImageNotWhole => Text::new(say!(
                locale,
                "not all of the image could be looked at, so more may be there",
                "no se ha podido mirar toda la imagen, así que puede haber más",
            ))
            .help(say!(
                locale,
                "name the language by its annotation, as you know it",
                "indica el lenguaje con su anotación, si lo conoces",
            )),
        }
    }
}

/// A line about an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    Digest,
    Platforms,
    LookedInto,
    Starts,
    Has,
    Libc,
    User,
    Sets,
}

impl Row {
    /// What it is about.
    pub(crate) const fn title(self, locale: Locale) -> &'static str {
        let (english, spanish) = match self {
            Self::Digest => ("digest", "digest"),
            Self::Platforms => ("platforms", "plataformas"),
            Self::LookedInto => ("looked into", "examinada"),
            Self::Starts => ("starts", "inicia"),
            Self::Has => ("has", "tiene"),
            Self::Libc => ("C library", "biblioteca C"),
            Self::User => ("user", "usuario"),
            Self::Sets => ("sets", "define"),
        };
        match locale {
            Locale::En => english,
            Locale::Es => spanish,
        }
    }
}

/// What a user means for `runAsNonRoot`: <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/>.
pub(crate) fn user_remark(user: &str, locale: Locale) -> String {
    let name = user.split(':').next().unwrap_or_default();
    match name.parse::<u64>() {
        Ok(0) => say!(locale, "root: not with runAsNonRoot", "root: no con runAsNonRoot").0,
        Ok(_) => user.to_owned(),
        Err(_) if matches!(name, "" | "root") => user_remark("0", locale),
        Err(_) => {
            say!(
                locale,
                "{user}: a name, so runAsNonRoot needs a number in runAsUser",
                "{user}: un nombre, así que runAsNonRoot necesita un número en runAsUser",
            )
            .0
        }
    }
}

/// The last sentence.
pub(crate) fn conclusion(language: Option<Language>, fits: bool, locale: Locale) -> String {
    match (language, fits) {
        (Some(language), true) => say!(
            locale,
            "It can be instrumented: {language}. Add to the pod template:",
            "Se puede instrumentar: {language}. Añade a la plantilla del pod:",
        ),
        (Some(language), false) => say!(
            locale,
            "It has {language}, and something is in the way. Once that is removed, add to the pod template:",
            "Tiene {language}, y hay algo que lo impide. Una vez resuelto, añade a la plantilla del pod:",
        ),
        (None, _) => {
            say!(locale, "It cannot be said how to instrument it.", "No se puede decir cómo instrumentarla.",)
        }
    }
    .0
}
