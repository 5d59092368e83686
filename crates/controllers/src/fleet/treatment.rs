//! What the leader knows of the healing of one workload.

use std::time::Duration;

use ingraft_api::annotations::HEALED;
use ingraft_cluster::clock::now;
use ingraft_core::healing::{Case, Obstacle, Patient, obstacle, restarted_at};
use ingraft_core::{Heal, WorkloadRef};
use kube::api::DynamicObject;
use tokio::time::Instant;

/// A case is acted on when it has stood for this long: until then, a replica may not have seen what has changed, or people
/// may be changing more.
const STANDS: Duration = Duration::from_mins(1);
/// Whatever kept a workload from being restarted is tried again after this long.
pub(super) const TRIED_AGAIN: Duration = Duration::from_secs(30);
/// A rollout that has not ended by then is told.
const PATIENCE: Duration = Duration::from_mins(10);
/// A workload that was restarted has come back when it has been available for this long since: what an agent breaks, it
/// breaks soon.
const SOAK: Duration = Duration::from_mins(1);
/// One that another leader has restarted is one of those under way for at most this long, in seconds.
const COUNTED: i64 = 30 * 60;
/// Whoever takes back what a restart has written down is not fought: the same is not healed again for this long.
const TRUCE: Duration = Duration::from_hours(1);

/// How the rollout of a workload stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Course {
    /// When the workload was created, in seconds since 1970.
    pub(super) created: i64,
    pub(super) obstacle: Option<Obstacle>,
    /// When it was restarted, in seconds since 1970, if it was ever healed.
    pub(super) restarted: Option<i64>,
}

impl Course {
    /// That of a workload, whole as the API server has it.
    pub(crate) fn of(workload: &WorkloadRef, object: &DynamicObject) -> Self {
        let metadata = &object.metadata;
        let mut annotations = metadata.annotations.iter().flatten();
        let was_healed = annotations.any(|(key, _)| key == HEALED);
        Self {
            created: metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second()),
            obstacle: obstacle(workload.kind, metadata, &object.data),
            restarted: restarted_at(&object.data).filter(|_| was_healed),
        }
    }
}

/// What is known of the healing of one workload.
#[derive(Debug, Default)]
pub(super) struct Treatment {
    /// `None` for one that was read by a pod.
    course: Option<Course>,
    /// Since when a rollout is under way.
    under_way: Option<Instant>,
    /// Since when it is available.
    settled: Option<Instant>,
    /// What somebody allows.
    level: Option<Heal>,
    /// What is to be healed, and since when that stands.
    case: Option<(Case, Instant)>,
    /// Some pod runs with what it should have.
    is_injected: bool,
    /// What kept it from being restarted when that was tried, and when.
    kept_back: Option<(Obstacle, Instant)>,
    /// For what this leader has restarted it lately, and when: the last is the latest.
    restarted: Vec<(Case, Instant)>,
    /// It has come back since.
    came_back: bool,
}

impl Treatment {
    /// Takes up how the rollout stands. Returns whether that may have to be told.
    pub(super) fn see(&mut self, course: Course) -> bool {
        let is_under_way = course.obstacle == Some(Obstacle::UnderWay);
        self.under_way = is_under_way.then(|| self.under_way.unwrap_or_else(Instant::now));
        // Whatever happens to it from now on is no matter of the restart.
        self.came_back = self.has_come_back();
        let is_unsettled = course.obstacle.as_ref().is_some_and(Obstacle::is_unsettled);
        self.settled = (!is_unsettled).then(|| self.settled.unwrap_or_else(Instant::now));
        let is_news = self.case.is_some() && self.course.as_ref() != Some(&course);
        self.course = Some(course);
        is_news
    }

    /// Takes up what is to be healed, what is allowed, and whether some pod runs with what it should have.
    pub(super) fn diagnose(&mut self, case: Option<Case>, level: Option<Heal>, is_injected: bool) {
        self.level = level;
        self.is_injected = is_injected;
        self.case = case.map(|case| match self.case.take() {
            Some((known, since)) if known == case => (case, since),
            _ => (case, Instant::now()),
        });
    }

    /// Whether anything may be done for it.
    pub(super) fn is_allowed(&self) -> bool {
        self.level >= Some(Heal::Missed)
    }

    /// Something kept it from being restarted.
    pub(super) fn hold_back(&mut self, why: Obstacle) {
        self.kept_back = Some((why, Instant::now()));
    }

    /// It was restarted: until more is heard of it, that is under way.
    pub(super) fn restarted(&mut self) {
        self.hold_back(Obstacle::UnderWay);
        self.restarted.retain(|(_, at)| at.elapsed() < TRUCE);
        self.restarted.extend(self.case.take().map(|(case, _)| (case, Instant::now())));
        (self.settled, self.came_back) = (None, false);
    }

    /// When we have restarted it last, in seconds since 1970.
    pub(super) fn healed_at(&self) -> Option<i64> {
        self.course.as_ref()?.restarted
    }

    /// Whether it has been available for long enough since it was restarted.
    fn has_come_back(&self) -> bool {
        self.came_back || self.settled.is_some_and(|since| since.elapsed() >= SOAK)
    }

    /// What speaks against a restart.
    pub(super) fn obstacle(&self) -> Option<Obstacle> {
        self.obstacle_since(|_| true)
    }

    /// The same, where what kept it from being restarted counts only if that was lately enough.
    fn obstacle_since(&self, counts: impl Fn(&Instant) -> bool) -> Option<Obstacle> {
        let Some(course) = &self.course else { return Some(Obstacle::Kind) };
        let is_over = self.under_way.is_some_and(|since| since.elapsed() > PATIENCE);
        let kept_back = self.kept_back.as_ref().filter(|(_, since)| counts(since));
        match &course.obstacle {
            Some(Obstacle::UnderWay) if is_over => Some(Obstacle::Unready),
            Some(known) => Some(known.clone()),
            None if self.is_taken_back() => Some(Obstacle::TakenBack),
            None => kept_back.map(|(obstacle, _)| obstacle.clone()),
        }
    }

    /// Whether what was restarted lately is to be healed of the same again, and says nothing of that.
    fn is_taken_back(&self) -> bool {
        let same = |(before, at): &(Case, Instant)| {
            let is_same = |(case, _): &(Case, Instant)| case == before && !case.was_healed;
            at.elapsed() < TRUCE && self.case.as_ref().is_some_and(is_same)
        };
        self.restarted.iter().any(same)
    }

    /// The workload as one that may be restarted, or was.
    pub(super) fn patient(&self, workload: &WorkloadRef) -> Option<Patient> {
        let course = self.course.as_ref()?;
        let now = i64::try_from(now()).unwrap_or(i64::MAX);
        let latest = self.restarted.last();
        // Whoever takes back that it may be healed sees to it.
        let is_out = latest.is_some() && !self.has_come_back() && self.is_allowed();
        let is_ours = course.restarted.is_some_and(|at| now - at < COUNTED) || is_out;
        if !is_ours && self.case.is_none() {
            return None;
        }
        let case = self.case.as_ref().filter(|(_, since)| since.elapsed() >= STANDS);
        Some(Patient {
            workload: workload.clone(),
            created: course.created,
            case: case.map(|(case, _)| case.clone()),
            obstacle: self.obstacle_since(|since| since.elapsed() < TRIED_AGAIN),
            is_ours,
            has_come_back: self.has_come_back(),
            tried: latest.filter(|_| self.is_injected).map(|(case, _)| case.meant.clone()),
        })
    }
}
