//! Flags that the operator and the command line share: default images and feature switches.
//!
//! Names and defaults are those of the OpenTelemetry Operator. Each flag can also be given as an environment variable
//! `INGRAFT_…`; the images also as the OpenTelemetry Operator's `RELATED_IMAGE_AUTO_INSTRUMENTATION_…`.

use clap::builder::BoolishValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use ingraft_api::Language;
use ingraft_core::{EnvProbe, Heal, Mode, Settings};
use k8s_openapi::api::core::v1::Container;

/// Settings, read from flags and environment.
#[derive(Debug, Clone, Default)]
pub struct SettingsArgs(pub Settings);

const MULTI: &str = "enable-multi-instrumentation";
const REGISTRY: &str = "registry";
const ENV_PROBE: &str = "env-probe";
const PROBE_IMAGE: &str = "probe-image";
/// Flags of the operator alone, which are read from its Deployment all the same.
const CHECK_SECRETS: &str = "check-secrets";
const MODE: &str = "mode";
const HEAL: &str = "heal";
const HEAL_IMAGES: &str = "heal-images";

/// What decides about pods in an operator that is already installed.
#[derive(Debug, Default)]
pub struct Installed {
    /// Its settings.
    pub settings: Settings,
    /// Whether it knows the names of Secrets.
    pub check_secrets: bool,
}

/// The registry at the beginning of an image reference.
///
/// # Errors
/// Says what is wrong with the text.
pub fn registry(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/' | '[' | ']');
    if text.contains("://") {
        Err("write it as in an image reference, without https://".to_owned())
    } else if text.is_empty() || text.starts_with('/') || !text.chars().all(allowed) {
        Err("write a host, and a path if there is one, such as mirror.example.com/ghcr".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// The one of some choices that a word means.
///
/// # Errors
/// Says what it may be.
pub fn one_of<T: Copy, const N: usize>(
    all: [T; N],
    word: fn(T) -> &'static str,
    text: &str,
) -> Result<T, String> {
    let known = all.into_iter().find(|known| word(*known) == text);
    known.ok_or_else(|| format!("it must be one of {}", all.map(word).join(", ")))
}

/// What an operator does with what it decides.
///
/// # Errors
/// Says what it may be.
pub fn mode(text: &str) -> Result<Mode, String> {
    one_of(Mode::ALL, Mode::as_str, text)
}

/// Which workloads an operator restarts.
///
/// # Errors
/// Says what it may be.
pub fn heal(text: &str) -> Result<Heal, String> {
    one_of(Heal::ALL, Heal::as_str, text)
}

/// The settings of an operator, as its container is started. Other flags are skipped.
pub fn of_operator(container: &Container) -> Installed {
    let command = SettingsArgs::augment_args(Command::new("ingraft-operator").args_override_self(true));
    let switches = [CHECK_SECRETS, HEAL_IMAGES].map(|flag| switch(flag, false, String::new()));
    let command = command.args(switches).arg(Arg::new(MODE).long(MODE).value_parser(mode));
    let command = command.arg(Arg::new(HEAL).long(HEAL).value_parser(heal));
    let set = |name: &str| {
        let entry = container.env.iter().flatten().find(|entry| entry.name == name)?;
        entry.value.clone().filter(|value| !value.is_empty())
    };
    let flags: Vec<String> =
        command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)).collect();
    let mut words = vec!["ingraft-operator".to_owned()];
    for flag in &flags {
        let language = Language::ALL.into_iter().find(|language| image_flag(*language) == *flag);
        let related = language.and_then(|language| set(&related_variable(language)));
        // The last value wins.
        let values = related.into_iter().chain(set(&variable("INGRAFT_", flag)));
        words.extend(values.map(|value| format!("--{flag}={value}")));
    }
    let mut known = false;
    for word in container.args.iter().flatten() {
        if let Some(flag) = word.strip_prefix("--") {
            let name = flag.split_once('=').map_or(flag, |(name, _)| name);
            known = flags.iter().any(|flag| flag == name);
        }
        if known {
            words.push(word.clone());
        }
    }
    let Ok(matches) = command.try_get_matches_from(words) else { return Installed::default() };
    let mut settings = SettingsArgs::from_arg_matches(&matches).unwrap_or_default().0;
    settings.mode = matches.get_one(MODE).copied().unwrap_or_default();
    settings.heal = matches.get_one(HEAL).copied();
    settings.heal_images = matches.get_one(HEAL_IMAGES).copied().unwrap_or_default();
    Installed { settings, check_secrets: matches.get_one(CHECK_SECRETS).copied().unwrap_or_default() }
}

fn image_flag(language: Language) -> String {
    format!("auto-instrumentation-{language}-image")
}

fn enable_flag(language: Language) -> String {
    format!("enable-{language}-instrumentation")
}

fn variable(prefix: &str, name: &str) -> String {
    format!("{prefix}{}", name.replace('-', "_").to_uppercase())
}

/// The image that the OpenTelemetry Operator's own variable names, if it is set.
fn related_image(language: Language) -> Option<String> {
    std::env::var(related_variable(language)).ok().filter(|image| !image.is_empty())
}

fn related_variable(language: Language) -> String {
    variable("RELATED_IMAGE_AUTO_INSTRUMENTATION_", language.key())
}

fn switch(flag: &str, default: bool, help: String) -> Arg {
    let arg = Arg::new(flag.to_owned());
    arg.long(flag.to_owned())
        .env(variable("INGRAFT_", flag))
        .help(help)
        .help_heading("Languages")
        .value_name("true|false")
        .value_parser(BoolishValueParser::new())
        .num_args(0..=1)
        .default_missing_value("true")
        .default_value(if default { "true" } else { "false" })
        .hide_env(true)
        .action(ArgAction::Set)
}

impl Args for SettingsArgs {
    fn augment_args(mut command: Command) -> Command {
        for language in Language::with_image() {
            let flag = image_flag(language);
            let default =
                related_image(language).unwrap_or_else(|| Settings::default_image(language).to_owned());
            let arg =
                Arg::new(flag.clone()).long(flag.clone()).env(variable("INGRAFT_", &flag)).hide_env(true);
            let help = format!("Agent image for {language}, where an Instrumentation names none");
            command = command
                .arg(arg.help(help).help_heading("Languages").value_name("IMAGE").default_value(default))
                .arg(switch(
                    &enable_flag(language),
                    Settings::enabled_by_default(language),
                    format!("Inject {language}"),
                ));
        }
        let named = |flag: &'static str, help: &'static str| {
            let arg = Arg::new(flag).long(flag).env(variable("INGRAFT_", flag)).hide_env(true);
            arg.help(help).help_heading("Languages")
        };
        command
            .arg(switch(MULTI, true, "Read a list of containers for each language, not only the common one".to_owned()))
            .arg(
                named(
                    REGISTRY,
                    "Registry to take the default images from, instead of ghcr.io; images that are named stay",
                )
                .value_name("HOST[/PATH]")
                .value_parser(registry),
            )
            .arg(
                named(
                    ENV_PROBE,
                    "When a probe may run before an application to see which variables its image sets: auto \
                     (where it is proven to work on the nodes, which run Kubernetes 1.35 or newer), never, or always \
                     (without the proof)",
                )
                .value_name("WHEN")
                .value_parser(EnvProbe::ALL.map(EnvProbe::as_str))
                .default_value(EnvProbe::Auto.as_str()),
            )
            .arg(
                named(
                    PROBE_IMAGE,
                    "Image that holds ingraft-probe: the operator's own, which `ingraft manifests` fills in; without \
                     it there is no probe",
                )
                .value_name("IMAGE")
                .default_value("")
                .hide_default_value(true),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingsArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut settings = Settings::default();
        for language in Language::with_image() {
            let flag = image_flag(language);
            let built_in = matches.value_source(&flag) == Some(ValueSource::DefaultValue)
                && related_image(language).is_none();
            match (matches.get_one::<String>(REGISTRY), matches.get_one::<String>(&flag)) {
                (Some(registry), _) if built_in => {
                    settings.set_image(language, Settings::mirrored_image(language, registry));
                }
                (_, Some(image)) => settings.set_image(language, image.clone()),
                (_, None) => {}
            }
            if let Some(enabled) = matches.get_one::<bool>(&enable_flag(language)) {
                settings.set_enabled(language, *enabled);
            }
        }
        let when = matches.get_one::<String>(ENV_PROBE);
        settings.env_probe = EnvProbe::ALL
            .into_iter()
            .find(|known| when.is_some_and(|when| when == known.as_str()))
            .unwrap_or(EnvProbe::Auto);
        settings.probe_image = matches.get_one(PROBE_IMAGE).cloned().unwrap_or_default();
        settings.multi_instrumentation = matches.get_one(MULTI).copied().unwrap_or(true);
        Ok(Self(settings))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(args: &[&str]) -> Settings {
        let command = SettingsArgs::augment_args(Command::new("test").no_binary_name(true));
        SettingsArgs::from_arg_matches(&command.get_matches_from(args)).unwrap().0
    }

    #[test]
    fn takes_default_images_from_another_registry_but_not_those_that_are_named() {
        let chosen = "--auto-instrumentation-java-image=example.com/java:1";
        let settings = settings(&["--registry=mirror.example.com/ghcr", chosen]);
        assert_eq!(settings.image(Language::Java), "example.com/java:1");
        assert_eq!(
            settings.image(Language::Python),
            "mirror.example.com/ghcr/open-telemetry/opentelemetry-operator/autoinstrumentation-python:0.64b0"
        );
    }

    #[test]
    fn reads_the_settings_of_an_operator() {
        let container = serde_json::json!({
            "name": "manager",
            "args": [
                "--log-level", "debug", "--enable-go-instrumentation", "--env-probe", "never", "--unknown=1",
                "--check-secrets", "--mode=observe", "--heal=off", "--heal-images",
            ],
            "env": [
                {"name": "INGRAFT_PROBE_IMAGE", "value": "example.com/ingraft:1"},
                {"name": "INGRAFT_ENV_PROBE", "value": "auto"},
                {"name": "RELATED_IMAGE_AUTO_INSTRUMENTATION_JAVA", "value": "example.com/java:1"},
            ],
        });
        let Installed { settings, check_secrets } = of_operator(&serde_json::from_value(container).unwrap());
        assert!(check_secrets && settings.mode == Mode::Observe);
        assert!(settings.heal == Some(Heal::Off) && settings.heal_images);
        assert_eq!(settings.probe_image, "example.com/ingraft:1");
        assert!(settings.env_probe == EnvProbe::Never && settings.enabled(Language::Go));
        assert_eq!(settings.image(Language::Java), "example.com/java:1");
    }

    #[test]
    fn refuses_text_that_is_not_a_registry() {
        for text in ["https://mirror.example.com", "", "/a", "a b"] {
            assert!(registry(text).is_err(), "{text}");
        }
    }
}
