//! `DparkContext`: where RDDs begin, and what they share.

use crate::accumulator::KnownAccumulators;
use crate::cluster::executor::become_executor_if_told;
use crate::cluster::executors::Wanted;
use crate::conf::{Conf, Place};
use crate::data::Data;
use crate::error::{Error, Failure, Result};
use crate::event_bus::EventBus;
use crate::handle::handle;
use crate::ids::{ExecutorId, JobId, RddId, ShuffleId};
use crate::net::handshake::Refusals;
use crate::node::{Node, RddHandle};
use crate::piped::Programs;
use crate::rdd::Rdd;
use crate::scheduler::Scheduler;
use crate::ship::code::Catalog;
use crate::show::ContextCard;
use crate::shuffle::{MapFiles, ShuffleStore};
use crate::source::{TextOptions, TextPaths};
use crate::storage::{CacheStore, Disks, MemoryBudget, Reservation, WorkDir};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The entry to everything: makes RDDs, runs their jobs. Cheap to clone.
///
/// ```
/// let ctx = dpark::DparkContext::local(2);
/// assert_eq!(ctx.range(0, 5).collect()?, [0, 1, 2, 3, 4]);
/// # Ok::<(), dpark::Error>(())
/// ```
#[derive(Clone)]
#[repr(transparent)]
pub struct DparkContext(pub(crate) ContextHandle);

handle! {
    /// Shared by the context's clones and its RDDs.
    pub(crate) struct ContextHandle(Context);
}

/// What a context consists of.
pub(crate) struct Context {
    pub(crate) conf: Conf,
    pub(crate) slots: usize,
    pub(crate) bus: EventBus,
    pub(crate) scheduler: Scheduler,
    pub(crate) budget: Arc<MemoryBudget>,
    pub(crate) cache: Arc<CacheStore>,
    pub(crate) shuffles: ShuffleStore,
    /// Where map outputs go; none where they stay in memory.
    pub(crate) map_files: Option<MapFiles>,
    /// The RDDs that are marked as cached, for whoever knows only their ids.
    pub(crate) marked: Mutex<BTreeMap<RddId, Weak<Node>>>,
    /// The programs of `pipe` that run in tasks of this process.
    pub(crate) programs: Programs,
    /// Connections that were turned away.
    refusals: Arc<Refusals>,
    /// The accumulators that executors may add to.
    pub(crate) sent: KnownAccumulators,
    rdds: AtomicU64,
    shuffle_ids: AtomicU64,
    stopped: AtomicBool,
}

impl DparkContext {
    /// A context with these settings.
    ///
    /// ```
    /// let conf = dpark::Conf { master: "local[2]".into(), ..Default::default() };
    /// assert_eq!(dpark::DparkContext::new(conf)?.default_parallelism(), 2);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn new(conf: Conf) -> Result<DparkContext> {
        // A program that was started to be an executor becomes one here at the latest.
        become_executor_if_told();
        match conf.place()? {
            Place::Threads(slots) => Ok(DparkContext::start(conf, slots)),
            Place::Processes { executors, slots } => DparkContext::start_processes(conf, executors, slots),
        }
    }

    /// A context that runs tasks on `threads` threads of this process (at least one).
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(3).default_parallelism(), 3);
    /// ```
    pub fn local(threads: usize) -> DparkContext {
        become_executor_if_told();
        let slots = threads.max(1);
        DparkContext::start(Conf { master: format!("local[{slots}]"), ..Conf::default() }, slots)
    }

    /// A context with the settings of the command line: `-m MASTER`, `-p PARTITIONS`, `-M MEMORY`, `--err RATIO`,
    /// before the program's own arguments; and of the environment: `DPARK_WORK_DIR`. It stands first in `main`.
    ///
    /// ```
    /// # #[allow(clippy::needless_doctest_main)]
    /// fn main() -> dpark::Result<()> {
    ///     let ctx = dpark::DparkContext::from_args()?;
    ///     assert_eq!(ctx.range(0, 10).count()?, 10);
    ///     Ok(())
    /// }
    /// ```
    pub fn from_args() -> Result<DparkContext> {
        become_executor_if_told();
        DparkContext::new(Conf::from_args(std::env::args().skip(1))?.with_environment())
    }

    fn start(conf: Conf, slots: usize) -> DparkContext {
        let bus = EventBus::new();
        let scheduler = Scheduler::start(slots, bus.clone());
        let work_dir = WorkDir::new(Disks::of_settings(&conf.work_dirs, bus.clone()));
        DparkContext(ContextHandle::with(conf, slots, bus, scheduler, work_dir, More::default()))
    }

    /// A context whose tasks run on executors in other processes.
    fn start_processes(conf: Conf, executors: usize, slots: usize) -> Result<DparkContext> {
        let bus = EventBus::new();
        let work_dir = WorkDir::new(Disks::of_settings(&conf.work_dirs, bus.clone()));
        let disks = work_dir.disks().map_err(|error| {
            Error::io(work_dir.roots().to_string(), format!("{error}; name another directory for `work_dir`"))
        })?;
        let memory = if conf.memory > 0 { conf.memory } else { conf.memory_limit() / executors as u64 };
        let refusals = Arc::default();
        let wanted = Wanted { executors, slots, memory, err: conf.err, disks, refusals: Arc::clone(&refusals) };
        let scheduler = Scheduler::start_remote(wanted, Catalog::new(), bus.clone());
        Ok(DparkContext(ContextHandle::with(
            conf,
            executors * slots,
            bus,
            scheduler,
            work_dir,
            More { refusals, map_files: None },
        )))
    }

    /// An RDD of the given rows, in [`DparkContext::default_parallelism`] partitions.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// assert_eq!(ctx.parallelize(["b", "a"].map(String::from)).collect()?, ["b", "a"]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn parallelize<T: Data>(&self, rows: impl IntoIterator<Item = T>) -> Rdd<T> {
        crate::rdd::parallelize(self, rows.into_iter().collect())
    }

    /// Spark's and DPark's other name of [`DparkContext::parallelize`].
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).make_rdd([3, 1]).collect()?, [3, 1]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn make_rdd<T: Data>(&self, rows: impl IntoIterator<Item = T>) -> Rdd<T> {
        self.parallelize(rows)
    }

    /// [`DparkContext::parallelize`] into `partitions` partitions; if there are fewer rows, some are empty.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).parallelize_with([1, 2, 3], 4);
    /// assert_eq!(rdd.glom().collect()?, [vec![], vec![1], vec![2], vec![3]]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn parallelize_with<T: Data>(&self, rows: impl IntoIterator<Item = T>, partitions: usize) -> Rdd<T> {
        crate::rdd::parallelize_with(self, rows.into_iter().collect(), partitions)
    }

    /// The numbers from `start` up to, but not including, `end`, in steps of `step` (downwards if it is negative), in
    /// `partitions` partitions.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// assert_eq!(ctx.range_with(0, 10, 4, 3).collect()?, [0, 4, 8]);
    /// assert_eq!(ctx.range_with(3, 0, -1, 2).collect()?, [3, 2, 1]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn range_with(&self, start: i64, end: i64, step: i64, partitions: usize) -> Rdd<i64> {
        crate::rdd::range_with(self, start, end, step, partitions)
    }

    /// The numbers from `start` up to, but not including, `end`.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).range(1, 4).collect()?, [1, 2, 3]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn range(&self, start: i64, end: i64) -> Rdd<i64> {
        crate::rdd::range(self, start, end)
    }

    /// The lines of a file, of all files below a directory, of what matches a pattern (`logs/*.gz`), or of a list of those.
    /// Files are read in splits of 64 MiB; `.gz`, `.bz2` and `.zst` files as a whole. A problem with the paths is the error of the first action.
    ///
    /// ```
    /// let lines = dpark::DparkContext::local(2).text_file("Cargo.toml");
    /// assert_eq!(lines.first()?, "[package]");
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn text_file(&self, paths: impl TextPaths) -> Rdd<String> {
        crate::source::text_file(self, paths.into_paths(), TextOptions::new())
    }

    /// The rows of several RDDs, one after the other.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// assert_eq!(ctx.union([ctx.range(0, 2), ctx.range(5, 6)]).collect()?, [0, 1, 5]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn union<T: 'static>(&self, rdds: impl IntoIterator<Item = Rdd<T>>) -> Rdd<T> {
        crate::rdd::union(self, rdds.into_iter().collect())
    }

    /// The first rows of several RDDs as a vector, the second rows, and so on, as DPark's `zip` of a list. They must have as
    /// many partitions each; in each partition the shortest decides.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let rows = ctx.zip([ctx.range(0, 3), ctx.range(10, 13), ctx.range(20, 23)]);
    /// assert_eq!(rows.collect()?, [[0, 10, 20], [1, 11, 21], [2, 12, 22]]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn zip<T: Data>(&self, rdds: impl IntoIterator<Item = Rdd<T>>) -> Rdd<Vec<T>> {
        crate::rdd::zip_all(self, rdds.into_iter().collect())
    }

    /// Stops a running job; its action returns [`Error::Cancelled`].
    ///
    /// ```
    /// use dpark::event::Event;
    /// let ctx = dpark::DparkContext::local(1);
    /// let canceller = ctx.clone();
    /// ctx.events().subscribe(Box::new(move |event| {
    ///     if let Event::JobStarted { job, .. } = event {
    ///         canceller.cancel_job(*job);
    ///     }
    /// }));
    /// let endless = ctx.range(0, i64::MAX).filter(|x| *x < 0);
    /// assert!(matches!(endless.count(), Err(dpark::Error::Cancelled { .. })));
    /// ```
    pub fn cancel_job(&self, job: JobId) {
        self.0.arc().scheduler.cancel_job(job);
    }

    /// Stops all running jobs.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// ctx.cancel_all();
    /// assert_eq!(ctx.range(0, 3).count()?, 3); // what comes later runs
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn cancel_all(&self) {
        self.0.arc().scheduler.cancel_all();
    }

    /// Number of partitions that sources and shuffles have unless told otherwise.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).default_parallelism(), 2);
    /// ```
    pub fn default_parallelism(&self) -> usize {
        self.0.arc().parallelism()
    }

    /// The settings.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(2).conf().master, "local[2]");
    /// ```
    pub fn conf(&self) -> &Conf {
        &self.0.arc().conf
    }

    /// The memory budget in bytes.
    ///
    /// ```
    /// assert!(dpark::DparkContext::local(1).memory() > 0);
    /// ```
    pub fn memory(&self) -> u64 {
        self.0.arc().budget.limit()
    }

    /// What happens in this context, to be listened to.
    ///
    /// ```
    /// use dpark::event::Event;
    /// use std::sync::{Arc, Mutex};
    /// let ctx = dpark::DparkContext::local(1);
    /// let jobs = Arc::new(Mutex::new(Vec::new()));
    /// let seen = jobs.clone();
    /// ctx.events().subscribe(Box::new(move |event| {
    ///     if let Event::JobStarted { name, .. } = event {
    ///         seen.lock().unwrap().push(name.clone());
    ///     }
    /// }));
    /// ctx.range(0, 3).count()?;
    /// assert_eq!(*jobs.lock().unwrap(), ["count"]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn events(&self) -> &EventBus {
        &self.0.arc().bus
    }

    /// Ends the context: running jobs are cancelled, later actions return [`Error::Stopped`].
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// ctx.stop();
    /// assert!(matches!(ctx.range(0, 3).count(), Err(dpark::Error::Stopped)));
    /// ```
    pub fn stop(&self) {
        self.0.arc().stop();
    }

    /// Frees the cached partitions of the RDD with this id and caches it no more; tells whether it was cached.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let rdd = ctx.range(0, 4).cache();
    /// assert!(ctx.uncache(rdd.id()) && !ctx.uncache(rdd.id()));
    /// ```
    pub fn uncache(&self, rdd: RddId) -> bool {
        let marked = self.0.arc().marked.lock().unwrap_or_else(PoisonError::into_inner).remove(&rdd);
        let Some(node) = marked.and_then(|node| node.upgrade()) else { return false };
        let handle = RddHandle::wrap(node);
        handle.unpersist();
        true
    }

    /// Ends an executor's process, as a crash would: its tasks run elsewhere, what it had is computed again, and another executor
    /// takes its place. Nothing happens if there is no such executor (with `-m local` there is none).
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// ctx.kill_executor(dpark::ids::ExecutorId(1));
    /// assert_eq!(ctx.range(0, 3).count()?, 3);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn kill_executor(&self, executor: ExecutorId) {
        self.0.arc().scheduler.kill_executor(executor);
    }

    /// How many connections were turned away since the context was made: their peers did not know the secret of the
    /// application, or did not speak its protocol. With `-m local` nothing listens.
    ///
    /// ```
    /// assert_eq!(dpark::DparkContext::local(1).refused_connections(), 0);
    /// ```
    pub fn refused_connections(&self) -> u64 {
        self.0.arc().refusals.total()
    }

    /// Removes the files of the context, for a process that is about to exit without dropping it.
    pub(crate) fn remove_work_dir(&self) {
        self.0.arc().cache.work_dir.remove();
    }

    /// What a shell shows for the context.
    #[doc(hidden)]
    pub fn card(&self) -> ContextCard {
        ContextCard {
            master: self.conf().master.clone(),
            default_parallelism: self.default_parallelism(),
            memory: self.memory(),
        }
    }

    /// What the context holds at the moment: cached blocks, shuffles with map outputs, bytes of the budget in use.
    #[doc(hidden)]
    pub fn held(&self) -> (usize, usize, u64) {
        let context = self.0.arc();
        (context.cache.blocks(), context.shuffles.shuffles(), context.budget.used())
    }
}

impl std::fmt::Debug for DparkContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DparkContext({})", self.conf().master)
    }
}

/// What a context has on the driver or on an executor only.
#[derive(Default)]
struct More {
    map_files: Option<MapFiles>,
    refusals: Arc<Refusals>,
}

impl ContextHandle {
    fn with(
        conf: Conf,
        slots: usize,
        bus: EventBus,
        scheduler: Scheduler,
        work_dir: WorkDir,
        more: More,
    ) -> ContextHandle {
        let More { map_files, refusals } = more;
        ContextHandle::wrap(Arc::new(Context {
            slots,
            scheduler,
            budget: MemoryBudget::new(conf.memory_limit()),
            cache: Arc::new(CacheStore::new(bus.clone(), work_dir)),
            shuffles: ShuffleStore::default(),
            map_files,
            programs: Programs::default(),
            refusals,
            marked: Mutex::default(),
            sent: KnownAccumulators::default(),
            rdds: AtomicU64::new(0),
            shuffle_ids: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            bus,
            conf,
        }))
    }

    /// The context of an executor: what tasks need of one.
    pub(crate) fn of_executor(
        conf: Conf,
        slots: usize,
        bus: EventBus,
        work_dir: WorkDir,
        map_files: MapFiles,
    ) -> ContextHandle {
        let more = More { map_files: Some(map_files), ..More::default() };
        ContextHandle::with(conf, slots, bus, Scheduler::none(), work_dir, more)
    }
}

impl Context {
    pub(crate) fn next_rdd_id(&self) -> RddId {
        RddId(self.rdds.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(crate) fn next_shuffle_id(&self) -> ShuffleId {
        ShuffleId(self.shuffle_ids.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(crate) fn parallelism(&self) -> usize {
        if self.conf.parallelism > 0 { self.conf.parallelism } else { self.slots }
    }

    /// Whether this is the process of an executor.
    pub(crate) fn is_in_executor(&self) -> bool {
        self.map_files.is_some()
    }

    pub(crate) fn check_running(&self) -> Result<()> {
        if self.stopped.load(Ordering::Relaxed) { Err(Error::Stopped) } else { Ok(()) }
    }

    fn stop(&self) {
        if !self.stopped.swap(true, Ordering::Relaxed) {
            self.scheduler.cancel_all();
            self.scheduler.stop();
        }
        self.cache.work_dir.remove();
    }

    /// Resizes a reservation; the cache gives way. Fails if the budget does not suffice even so.
    pub(crate) fn reserve(&self, memory: &mut Reservation, bytes: u64) -> std::result::Result<(), Failure> {
        while let Err(missing) = memory.try_resize(bytes) {
            // Others may have freed some while nothing was left to evict.
            if !self.cache.evict(missing, None) && memory.try_resize(bytes).is_err() {
                let (limit, used) = (self.budget.limit() >> 20, self.budget.used() >> 20);
                return Err(Failure::Budget(format!(
                    "the memory budget of {limit} MB does not suffice: {used} MB are in use and this task needs {} MB; \
                     raise the memory setting (`-M`, `mem` in dpark.toml), or use more partitions (`-p`)",
                    bytes.div_ceil(1 << 20)
                )));
            }
        }
        Ok(())
    }

    /// The same for a block of the cache, which only makes other RDDs give way.
    pub(crate) fn reserve_for_cache(&self, memory: &mut Reservation, bytes: u64, rdd: RddId) -> bool {
        while let Err(missing) = memory.try_resize(bytes) {
            if !self.cache.evict(missing, Some(rdd)) {
                return memory.try_resize(bytes).is_ok();
            }
        }
        true
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        self.stop();
    }
}
