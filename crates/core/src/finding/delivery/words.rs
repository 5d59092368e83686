//! What else is said of a span that was sent.

use super::super::{Locale, Said};
use super::{Caveat, Stage, Uncounted, Unsent};
use crate::trace::{Origin, Sender, Trace};

/// What was done.
pub(crate) fn headline(trace: &Trace, locale: Locale) -> String {
    let Trace { workload, namespace, container, .. } = trace;
    let from = match &trace.sender {
        Sender::Pod { name, node } if node.is_empty() => say!(locale, "pod {name}", "el pod {name}"),
        Sender::Pod { name, node } => {
            say!(locale, "pod {name} on node {node}", "el pod {name} en el nodo {node}")
        }
        Sender::Container { name, pod } => say!(
            locale,
            "the ephemeral container {name} of pod {pod}",
            "el contenedor efímero {name} del pod {pod}",
        ),
    };
    let settings = match &trace.origin {
        Origin::Pod { name } => say!(
            locale,
            "container {container} of pod {name}, as it runs",
            "el contenedor {container} del pod {name}, tal como funciona",
        ),
        Origin::Template => say!(
            locale,
            "container {container} of the template, as it would be injected now",
            "el contenedor {container} de la plantilla, tal como se inyectaría ahora",
        ),
    };
    say!(
        locale,
        "{workload} in namespace {namespace}: a span from {from}, with the settings of {settings}",
        "{workload} en el espacio de nombres {namespace}: un span desde {from}, con los ajustes que tiene {settings}",
    )
    .0
}

/// A caveat as a line.
pub(crate) fn noted(caveat: &Caveat, locale: Locale) -> String {
    let text = caveat.text(locale);
    say!(locale, "note: {text}", "nota: {text}").0
}

/// What is to be agreed to before a container is added to a pod that runs.
pub fn consent(container: &str, pod: &str, locale: Locale) -> String {
    say!(
        locale,
        "The container {container} is added to pod {pod}, and nobody can remove it from there until the pod is replaced.",
        "Se añade el contenedor {container} al pod {pod}, y nadie puede quitarlo de ahí hasta que se reemplace el pod.",
    )
    .0
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 6] =
        [Self::Settings, Self::Resolve, Self::Connect, Self::Tls, Self::Send, Self::Accept];

    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Send => "send",
            Self::Accept => "accept",
        }
    }

    /// The step, for people.
    pub fn text(self, locale: Locale) -> String {
        let said = match self {
            Self::Settings => say!(locale, "endpoint", "endpoint"),
            Self::Resolve => say!(locale, "resolve", "resolución"),
            Self::Connect => say!(locale, "connect", "conexión"),
            Self::Tls => say!(locale, "TLS", "TLS"),
            Self::Send => say!(locale, "answer", "respuesta"),
            Self::Accept => say!(locale, "accept", "aceptación"),
        };
        said.0
    }
}

impl Unsent {
    pub(super) fn text(&self, locale: Locale) -> (Said, Said) {
        let in_pod = || {
            say!(
                locale,
                "--in-pod sends from a pod that runs already",
                "--in-pod envía desde un pod que ya funciona",
            )
        };
        match self {
            Self::Refused { said } => {
                (say!(locale, "the API server says: {said}", "el API server dice: {said}"), in_pod())
            }
            Self::Stuck { why } => {
                (say!(locale, "the pod does not start: {why}", "el pod no arranca: {why}"), in_pod())
            }
            Self::NotStarted { seconds, why } if why.is_empty() => (
                say!(
                    locale,
                    "the pod did not start within {seconds} s, and nobody says why",
                    "el pod no ha arrancado en {seconds} s, y nadie dice por qué",
                ),
                in_pod(),
            ),
            Self::NotStarted { seconds, why } => (
                say!(
                    locale,
                    "the pod did not start within {seconds} s: {why}",
                    "el pod no ha arrancado en {seconds} s: {why}",
                ),
                in_pod(),
            ),
            Self::Ended { why } => (
                say!(
                    locale,
                    "the program in the pod ended without an answer: {why}",
                    "el programa en el pod ha terminado sin respuesta: {why}",
                ),
                say!(
                    locale,
                    "--trace-image names an operator's image of this version",
                    "--trace-image nombra una imagen del operador de esta versión",
                ),
            ),
            Self::Deleted => (
                say!(locale, "somebody deleted the pod", "alguien ha borrado el pod"),
                say!(locale, "try it again", "inténtalo de nuevo"),
            ),
        }
    }
}

impl Uncounted {
    pub(super) fn text(&self, locale: Locale) -> Said {
        match self {
            Self::NoService => say!(
                locale,
                "the endpoint is no Service of this cluster, as far as it is known before",
                "el endpoint no es ningún Service de este clúster, hasta donde se sabe de antemano",
            ),
            Self::NoPods { service } => say!(
                locale,
                "Service {service} selects no pod that runs",
                "el Service {service} no selecciona ningún pod que funcione",
            ),
            Self::NoCollector { pod } => say!(
                locale,
                "pod {pod} shows no metrics of a Collector at its telemetry port",
                "el pod {pod} no muestra métricas de un Collector en su puerto de telemetría",
            ),
            Self::Refused { said } => say!(locale, "{said}", "{said}"),
        }
    }
}

impl Caveat {
    /// The note.
    pub fn text(&self, locale: Locale) -> String {
        let said = match self {
            Self::OfTemplate => say!(
                locale,
                "no injected pod runs: the settings are those that a new one would get",
                "no funciona ningún pod inyectado: los ajustes son los que recibiría uno nuevo",
            ),
            Self::VariableOfFile { name } => say!(
                locale,
                "{name} comes from a file that only pods of the workload have, where it may have another value",
                "{name} viene de un archivo que solo tienen los pods de la carga de trabajo, donde puede tener otro valor",
            ),
            Self::FileOfPod { path } => say!(
                locale,
                "{path} is in no volume that another pod can have too",
                "{path} no está en ningún volumen que otro pod también pueda tener",
            ),
            Self::OwnSdk => say!(
                locale,
                "the application brings its own SDK, which may use another protocol where none is set",
                "la aplicación trae su propio SDK, que puede usar otro protocolo donde no se define ninguno",
            ),
            Self::ContainerStays { container, pod } => say!(
                locale,
                "the container {container} stays in pod {pod}, ended, until the pod is replaced",
                "el contenedor {container} se queda en el pod {pod}, terminado, hasta que se reemplace el pod",
            ),
            Self::PodStays { pod, namespace, said } => say!(
                locale,
                "pod {pod} was not deleted ({said}): kubectl delete pod {pod} -n {namespace}",
                "el pod {pod} no se ha borrado ({said}): kubectl delete pod {pod} -n {namespace}",
            ),
            Self::Unseen { said } => say!(locale, "{said}", "{said}"),
        };
        said.0
    }
}
