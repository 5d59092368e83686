//! Flow style: braces and brackets, in YAML and in JSON.

use std::ops::Range;

use granit_parser::ScalarStyle;
use serde_json::Value;

use crate::layout::FlowLayout;
use crate::refused::Refused;
use crate::rewrite::{NewChild, Rewriter};
use crate::scalar;
use crate::tree::{Kind, Node};

impl Rewriter<'_> {
    /// Removes the children that do not stay from a flow collection, and adds new ones. Each child is its range and
    /// whether it stays, which at least one does.
    pub(crate) fn flow_children(
        &mut self,
        node: &Node,
        children: &[(Range<usize>, bool)],
        added: &[NewChild<'_>],
    ) -> Result<(), Refused> {
        self.remove_from_flow(children)?;
        let (Some((first, _)), Some((last, _))) =
            (children.first(), children.iter().rfind(|(_, stays)| *stays))
        else {
            return Ok(());
        };
        let opened = self.text.skip_properties(node.start);
        // Whether children have lines of their own.
        let is_broken = self.text.slice(opened..first.start).contains('\n');
        let spans_lines = self.text.slice(node.start..node.end).contains('\n');
        let beside = if is_broken { first.start } else { last.start };
        let indentation = self.text.indentation(beside).to_owned();
        let break_ = if is_broken { format!("\n{indentation}") } else { self.layout.flow.space().to_owned() };
        let write = |child: &NewChild<'_>, layout: &FlowLayout| {
            layout.child(child.key, child.value, spans_lines.then_some(&indentation))
        };
        for child in added {
            if let Some((next, _)) = children.get(child.before) {
                let text = format!("{},{break_}", write(child, &self.layout.flow));
                self.splices.insert(next.start, &text);
            }
        }
        let appended: Vec<String> = added
            .iter()
            .filter(|child| child.before >= children.len())
            .map(|child| write(child, &self.layout.flow))
            .collect();
        if !appended.is_empty() {
            let is_last = children.last().is_some_and(|(range, _)| range == last);
            self.append_to_flow(
                last.end,
                &appended.join(&format!(",{break_}")),
                &break_,
                is_broken && is_last,
            );
        }
        Ok(())
    }

    /// Adds children after the one that ends at `end`, below a comment beside it if they have lines of their own.
    fn append_to_flow(&mut self, end: usize, children: &str, break_: &str, is_broken: bool) {
        let comma = self.text.skip_blank(end);
        let has_comma = self.text.is_at(comma, ',');
        let after = if has_comma { comma + 1 } else { end };
        let beside = self.text.slice(after..self.text.line_end(after)).trim();
        if is_broken && (beside.is_empty() || beside.starts_with('#')) {
            let indentation = break_.trim_start_matches('\n');
            let comma = if has_comma { "," } else { "" };
            if !has_comma {
                self.splices.insert(end, ",");
            }
            self.splices.insert_below(after, &format!("{indentation}{children}{comma}"));
        } else {
            self.splices.insert(end, &format!(",{break_}{children}"));
        }
    }

    fn remove_from_flow(&mut self, children: &[(Range<usize>, bool)]) -> Result<(), Refused> {
        let last = children.iter().rposition(|(_, stays)| *stays).unwrap_or_default();
        let pairs = || children.iter().zip(children.iter().skip(1));
        for (index, ((range, stays), (next, next_stays))) in pairs().enumerate() {
            if !stays || (index >= last && !next_stays) {
                self.no_comments(&mut [range.end].into_iter(), &mut [next.start].into_iter())?;
            }
            if index >= last {
                self.splices.replace(range.end..next.end, "");
            } else if !stays {
                self.splices.replace(range.start..next.start, "");
            }
        }
        Ok(())
    }

    /// Writes another value in the place of a node in braces or brackets.
    pub(crate) fn replace_in_flow(&mut self, node: &Node, new: &Value, before: Option<ScalarStyle>) {
        let indentation = self.text.indentation(node.start).to_owned();
        // A line of its own shows that there is room for more lines.
        let is_broken = !indentation.is_empty() || self.text.slice(node.start..node.end).contains('\n');
        let text = match before {
            Some(_) if !has_content(new) => scalar::in_flow(new, before),
            _ => self.layout.flow.value(new, is_broken.then_some(indentation.as_str())),
        };
        let text = match node.kind {
            Kind::Nothing if self.text.before(node.slot).ends_with(':') => format!(" {text}"),
            Kind::Nothing => format!(": {text}"),
            _ => text,
        };
        self.splices.replace(node.start..node.end, &text);
    }
}

fn has_content(value: &Value) -> bool {
    match value {
        Value::Object(entries) => !entries.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

impl FlowLayout {
    const fn space(&self) -> &'static str {
        if self.is_tight { "" } else { " " }
    }

    /// A child with its key, if it has one. With an indentation, its own children have lines of their own.
    fn child(&self, key: Option<&str>, value: &Value, indentation: Option<&String>) -> String {
        self.child_text(key, value, indentation.map(String::as_str))
    }

    fn child_text(&self, key: Option<&str>, value: &Value, indentation: Option<&str>) -> String {
        let value = self.value(value, indentation);
        match key {
            Some(key) if !self.quotes_keys && scalar::is_word(key) => format!("{key}: {value}"),
            Some(key) => format!("{}:{}{value}", scalar::double_quoted(key), self.space()),
            None => value,
        }
    }

    /// A value. With an indentation, which is that of its first line, its children have lines of their own.
    fn value(&self, value: &Value, indentation: Option<&str>) -> String {
        let children: Vec<(Option<&str>, &Value)> = match value {
            Value::Object(entries) => {
                entries.iter().map(|(key, value)| (Some(key.as_str()), value)).collect()
            }
            Value::Array(items) => items.iter().map(|item| (None, item)).collect(),
            _ => return scalar::in_flow(value, None),
        };
        let (open, close) = if value.is_object() { ('{', '}') } else { ('[', ']') };
        let outer = match indentation {
            Some(outer) if !children.is_empty() => outer,
            _ => {
                return format!(
                    "{open}{}{close}",
                    self.joined(&children, None, &format!(",{}", self.space()))
                );
            }
        };
        // KYAML puts the brackets of a list and those of its items on one line.
        if self.ends_with_comma && children.iter().all(|(key, value)| key.is_none() && has_content(value)) {
            return format!("{open}{}{close}", self.joined(&children, Some(outer), ", "));
        }
        let inner = format!("{outer}{}", self.unit);
        let lines = self.joined(&children, Some(&inner), &format!(",\n{inner}"));
        let comma = if self.ends_with_comma { "," } else { "" };
        format!("{open}\n{inner}{lines}{comma}\n{outer}{close}")
    }

    fn joined(
        &self,
        children: &[(Option<&str>, &Value)],
        indentation: Option<&str>,
        between: &str,
    ) -> String {
        let texts: Vec<String> =
            children.iter().map(|(key, value)| self.child_text(*key, value, indentation)).collect();
        texts.join(between)
    }
}
