//! Flags that the operator and the command line share: default images and feature switches.
//!
//! Names and defaults are the reference's (injection.md, section 7.1). Each flag can also be given as an environment
//! variable `INGRAFT_…`; the images also as the reference's `RELATED_IMAGE_AUTO_INSTRUMENTATION_…`.

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use ingraft_api::Language;
use ingraft_core::Settings;

/// Settings, read from flags and environment.
#[derive(Debug, Clone, Default)]
pub struct SettingsArgs(pub Settings);

const MULTI: &str = "enable-multi-instrumentation";

fn image_flag(language: Language) -> String {
    format!("auto-instrumentation-{language}-image")
}

fn enable_flag(language: Language) -> String {
    format!("enable-{language}-instrumentation")
}

fn variable(prefix: &str, name: &str) -> String {
    format!("{prefix}{}", name.replace('-', "_").to_uppercase())
}

/// The image that the reference's own variable names, if it is set.
fn related_image(language: Language) -> Option<String> {
    let name = variable("RELATED_IMAGE_AUTO_INSTRUMENTATION_", language.key());
    std::env::var(name).ok().filter(|image| !image.is_empty())
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
        let help = "Honour the lists of containers per language";
        command.arg(switch(MULTI, true, help.to_owned()))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingsArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut settings = Settings::default();
        for language in Language::with_image() {
            if let Some(image) = matches.get_one::<String>(&image_flag(language)) {
                settings.set_image(language, image.clone());
            }
            if let Some(enabled) = matches.get_one::<bool>(&enable_flag(language)) {
                settings.set_enabled(language, *enabled);
            }
        }
        settings.multi_instrumentation = matches.get_one(MULTI).copied().unwrap_or(true);
        Ok(Self(settings))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
