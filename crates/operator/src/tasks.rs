//! Everything that runs beside each other. None of it ends on its own in good order, so that any end is a fault.

use std::collections::HashMap;

use tokio::task::{Id, JoinError, JoinSet};

/// Named tasks. They are stopped when this is dropped.
#[derive(Debug, Default)]
pub struct Tasks {
    set: JoinSet<anyhow::Result<()>>,
    names: HashMap<Id, String>,
}

impl Tasks {
    /// Starts a task.
    pub fn spawn(
        &mut self,
        name: impl Into<String>,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        let id = self.set.spawn(task).id();
        self.names.insert(id, name.into());
    }

    /// The same for one that never fails.
    pub fn spawn_infallible(
        &mut self,
        name: impl Into<String>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.spawn(name, async {
            task.await;
            Ok(())
        });
    }

    /// Waits until one has ended, however it did. Returns why that is a fault, naming the task.
    pub async fn first_end(&mut self) -> anyhow::Error {
        match self.next_end().await {
            None => anyhow::anyhow!("there are no tasks"),
            Some((name, Ok(Ok(())))) => anyhow::anyhow!("the task \"{name}\" ended"),
            Some((name, Ok(Err(error)))) => error.context(format!("the task \"{name}\" failed")),
            Some((name, Err(error))) => anyhow::anyhow!("the task \"{name}\" ended: {}", reason(error)),
        }
    }

    /// Waits until a task has ended that was told to.
    pub async fn ended(&mut self, name: &str) {
        while self.names.values().any(|running| running == name) {
            self.next_end().await;
        }
    }

    async fn next_end(&mut self) -> Option<(String, Result<anyhow::Result<()>, JoinError>)> {
        let (id, end) = match self.set.join_next_with_id().await? {
            Ok((id, result)) => (id, Ok(result)),
            Err(error) => (error.id(), Err(error)),
        };
        Some((self.names.remove(&id).unwrap_or_default(), end))
    }
}

fn reason(error: JoinError) -> String {
    let text = error.to_string();
    match error.try_into_panic() {
        Ok(panic) => match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(message), _) => format!("panic: {message}"),
            (_, Some(message)) => format!("panic: {message}"),
            _ => "panic".to_owned(),
        },
        Err(_) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn cause(task: impl Future<Output = anyhow::Result<()>> + Send + 'static) -> String {
        let mut tasks = Tasks::default();
        tasks.spawn_infallible("endless", std::future::pending());
        tasks.spawn("guilty", task);
        format!("{:#}", tasks.first_end().await)
    }

    #[tokio::test]
    async fn any_end_is_a_fault_that_names_the_task() {
        assert_eq!(cause(async { Ok(()) }).await, "the task \"guilty\" ended");
        let failed = async { anyhow::bail!("address in use") };
        assert_eq!(cause(failed).await, "the task \"guilty\" failed: address in use");
        let panics = async { panic!("index {} is too large", 7) };
        assert_eq!(cause(panics).await, "the task \"guilty\" ended: panic: index 7 is too large");
    }

    #[tokio::test]
    async fn waits_for_one_that_may_end() {
        let mut tasks = Tasks::default();
        tasks.spawn_infallible("endless", std::future::pending());
        tasks.spawn_infallible("short", async {});
        tasks.ended("short").await;
        tasks.ended("short").await;
        assert_eq!(tasks.names.len(), 1);
    }
}
