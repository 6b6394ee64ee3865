//! The index thread: brings the index up to the committed chain, beside the replica and never in its way.
//!
//! The index follows from the chain. One that is damaged or foreign is thrown away and made anew; one that cannot be
//! written is given up, and the node goes on without it.

use crate::{
    error::{RunError, of_store},
    shared::Shared,
};
use arc_swap::ArcSwap;
use concordat_proto::{Code, codes::CodedError};
use concordat_replica::{
    index::{IndexError, Indexer},
    store::{Reader, StoreError},
};
use concordat_storage::{RocksStore, StoreGauge, StoreSizes};
use concordat_types::Height;
use crossbeam_channel::{Receiver, Sender};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{oneshot, watch};

/// What queries see of the index.
#[derive(Debug)]
pub struct Index {
    state: ArcSwap<State>,
    reach: watch::Sender<Height>,
    bell: Sender<Ring>,
}

#[derive(Debug)]
enum State {
    Off,
    /// It is being opened, or made anew.
    Opening,
    Open {
        view: IndexView,
        gauge: StoreGauge,
    },
    Failed(CodedError),
}

/// The index as it was after one height.
#[derive(Clone)]
pub struct IndexView {
    pub height: Height,
    pub reader: Arc<dyn Reader>,
}

impl fmt::Debug for IndexView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IndexView({})", self.height)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ring {
    /// A block was committed, or the process is to stop.
    Look,
    /// A reader has found a row that cannot be.
    Corrupt,
}

/// Of the thread, until it is started.
#[derive(Debug)]
pub struct IndexBell(Receiver<Ring>);

impl Index {
    /// `is_on` false: the node keeps none.
    pub fn new(is_on: bool) -> (Index, IndexBell) {
        let (bell, rung) = crossbeam_channel::bounded(RINGS_MAX);
        let state = if is_on { State::Opening } else { State::Off };
        let index = Index { state: ArcSwap::from_pointee(state), reach: watch::channel(Height(0)).0, bell };
        (index, IndexBell(rung))
    }

    /// There is something to look at. Never waits: a bell that has rung already rings once.
    pub fn ring(&self) {
        self.bell.try_send(Ring::Look).ok();
    }

    /// From a reader of rows; they are made anew.
    pub fn report_corrupt(&self, error: &StoreError) {
        tracing::warn!(%error, "a row of the index is corrupt");
        self.bell.try_send(Ring::Corrupt).ok();
    }

    pub fn view(&self) -> Result<IndexView, CodedError> {
        match &**self.state.load() {
            State::Open { view, .. } => Ok(view.clone()),
            State::Off => Err(Code::IndexOff.error(Code::IndexOff.cause())),
            State::Opening => Err(Code::IndexBehind.error("the node's index is being opened")),
            State::Failed(error) => Err(error.clone()),
        }
    }

    /// The view once it reaches a height, or as it is when the time is over.
    pub async fn view_at(&self, height: Height, wait: Duration) -> Result<IndexView, CodedError> {
        let mut reach = self.reach.subscribe();
        // An error is of a sender that is gone, or of the time.
        drop(tokio::time::timeout(wait, reach.wait_for(|reach| *reach >= height)).await);
        self.view()
    }

    /// None: there is none, or it is not open.
    pub fn sizes(&self) -> Option<(Height, StoreSizes)> {
        match &**self.state.load() {
            State::Open { view, gauge } => Some((view.height, gauge.sizes())),
            _ => None,
        }
    }
}

pub struct IndexThread {
    pub shared: Arc<Shared>,
    pub bell: IndexBell,
}

impl IndexThread {
    /// The receiver hears of its end, which comes when the process is to stop.
    pub fn spawn(self) -> Result<oneshot::Receiver<()>, RunError> {
        let (ended, end) = oneshot::channel();
        let path = self.shared.config.data.join("index");
        let mut running = Running { shared: self.shared, path, bell: self.bell.0 };
        let thread = std::thread::Builder::new().name("index".to_owned()).spawn(move || {
            running.run();
            ended.send(()).ok();
        });
        thread.map_err(|error| Code::Internal.error(format!("the index thread cannot be started: {error}")))?;
        Ok(end)
    }
}

struct Running {
    shared: Arc<Shared>,
    path: PathBuf,
    bell: Receiver<Ring>,
}

/// Why following the chain has ended.
enum Ended {
    Stopping,
    /// To be made anew.
    Corrupt(StoreError),
    Failed(CodedError),
}

impl Running {
    fn run(&mut self) {
        for attempt in 0..=REBUILDS_MAX {
            let ended = match self.open() {
                Ok((indexer, gauge)) => self.follow(indexer, &gauge),
                Err(error) => Ended::of_index(error),
            };
            match ended {
                Ended::Stopping => return,
                Ended::Failed(error) => return self.fail(error),
                Ended::Corrupt(error) if attempt == REBUILDS_MAX => return self.fail(of_store(&error)),
                Ended::Corrupt(error) => {
                    tracing::warn!(%error, "the index is made anew from the chain");
                    self.shared.index.state.store(Arc::new(State::Opening));
                    // Not before the last reader has let go of it: RocksDB still writes where it lies.
                    drop(self.open());
                    if let Err(error) = remove(&self.path) {
                        return self.fail(error);
                    }
                }
            }
        }
    }

    /// Readers of an index that was given up hold it open for as long as they read.
    fn open(&self) -> Result<(Indexer, StoreGauge), StoreError> {
        let began = Instant::now();
        loop {
            match RocksStore::open_index(&self.path, self.shared.network) {
                Ok(store) => {
                    let gauge = store.gauge();
                    return Ok((Indexer::open(Box::new(store))?, gauge));
                }
                Err(StoreError::InUse(_)) if began.elapsed() < READERS_GONE_WITHIN => {
                    std::thread::sleep(OPEN_AGAIN);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn follow(&self, mut indexer: Indexer, gauge: &StoreGauge) -> Ended {
        self.publish(&indexer, gauge);
        loop {
            if self.shared.alarms.is_stopping() {
                return Ended::Stopping;
            }
            let began = Instant::now();
            let view = self.shared.view.load_full();
            match indexer.advance(&*view.reader) {
                Ok(true) => {
                    metrics::histogram!("concordat_index_write_seconds").record(began.elapsed().as_secs_f64());
                    self.publish(&indexer, gauge);
                }
                Ok(false) => match self.bell.recv_timeout(LOOK_EVERY) {
                    Ok(Ring::Corrupt) => return Ended::Corrupt(StoreError::Corrupt("a reader has seen it".to_owned())),
                    // The bell hangs in `Shared`, which this thread holds too.
                    Ok(Ring::Look) | Err(_) => {}
                },
                Err(IndexError::Index(error)) => return Ended::of_index(error),
                Err(IndexError::Chain(error)) => return Ended::Failed(of_store(&error)),
            }
        }
    }

    fn publish(&self, indexer: &Indexer, gauge: &StoreGauge) {
        let view = IndexView { height: indexer.height(), reader: indexer.snapshot() };
        self.shared.index.state.store(Arc::new(State::Open { view, gauge: gauge.clone() }));
        self.shared.index.reach.send_replace(indexer.height());
    }

    fn fail(&self, error: CodedError) {
        metrics::counter!("concordat_alarms_total", "kind" => "index_failed").increment(1);
        tracing::error!(kind = "index_failed", code = %error.code, cause = %error.cause, "alarm");
        self.shared.index.state.store(Arc::new(State::Failed(error)));
    }
}

impl Ended {
    fn of_index(error: StoreError) -> Ended {
        match error {
            StoreError::Corrupt(_) | StoreError::Foreign(_) => Ended::Corrupt(error),
            StoreError::Io(_) | StoreError::InUse(_) => Ended::Failed(of_store(&error)),
        }
    }
}

fn remove(path: &Path) -> Result<(), CodedError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Code::Disk.error(format!("the index in {} cannot be removed: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

/// Of one process: what comes out damaged so often has another cause than chance.
const REBUILDS_MAX: u32 = 3;
/// One that looks and one that complains.
const RINGS_MAX: usize = 2;
/// The bell is not missed, but for a block that came while it rang.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Longer than a page takes to read.
const READERS_GONE_WITHIN: Duration = Duration::from_secs(30);
const OPEN_AGAIN: Duration = Duration::from_millis(50);
