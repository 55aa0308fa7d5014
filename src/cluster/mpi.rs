//! Processes that `mpirun` or `srun` has started as the members of a group. The only file that calls MPI.
//!
//! MPI is used by the thread alone that began, so its objects live in that thread, and a [`Process`] has their number:
//! in another thread a call finds nothing behind the number, which is an error.
//!
//! No call waits for a member that has ended. A call asks MPI again and again whether it is complete, and now and then
//! for [letters](Letter), which a member writes to all others when it ends. They say whether it has taken part in this
//! call. If it has not, the job is ended, as MPI cannot take back what has begun.

use super::comm::Communicator;
use super::cores;
use super::letter::{Letter, shortened};
use super::watch::{Call, longest_wait};
use super::{Cluster, Inner};
use crate::error::{ClusterError, Error, Result};
use mpi::environment::Universe;
use mpi::point_to_point::{Message, Status};
use mpi::request::{Request, Scope};
use mpi::topology::{Color, SimpleCommunicator};
use mpi::traits::{Communicator as _, CommunicatorCollectives as _, Destination as _, Equivalence as _, Source as _};
use mpi::{Tag, Threading};
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, ThreadId};
use std::time::Duration;
use std::{mem, process};

/// Largest number of bytes of a message, as MPI counts in 32 bits.
const MESSAGE: usize = 1 << 30;

/// Number of questions to MPI between two looks at what else there is.
const QUESTIONS: u32 = 256;

/// Tags of messages: bytes of swaps, and letters of members that have ended.
const BYTES: Tag = 0;
const LETTER: Tag = 1;

/// Longest time in which MPI ends the job.
const ABORTING: Duration = Duration::from_secs(3);

/// Exit codes of a job: a member has ended that another waits for; a call has waited too long; a panic, as in Rust.
const LEFT: i32 = 1;
const OVERDUE: i32 = 124;
const PANIC: i32 = 101;

/// Thread that MPI has begun in.
static OWNER: OnceLock<ThreadId> = OnceLock::new();

thread_local! {
    static HOME: OnceCell<Home> = const { OnceCell::new() };
}

impl Cluster {
    /// Returns the group of all processes that `mpirun`, `mpiexec` or `srun` has started; without them, this process is
    /// alone. Another call returns a handle on the same group.
    ///
    /// The first call begins MPI, of which the group uses a communicator of its own. MPI ends with the thread that has
    /// made the call, which is the only one that may use the cluster, and in general is the main thread. A program with
    /// MPI calls of its own makes them in this thread after `from_mpi`.
    ///
    /// The cores of a machine are divided among its processes that may run on the same ones: rayon's pool has so many
    /// threads, unless `RAYON_NUM_THREADS` is set or there is a pool already.
    ///
    /// # Failures
    /// A process that is killed, or that panics, ends all. So does a process that waits for one that has ended, such as
    /// with an error out of `main`; [`report`](Self::report) prints such errors once. If the environment variable
    /// `CANDLEWICK_CLUSTER_TIMEOUT` is a number of seconds, a process that has waited longer for others says where, and
    /// ends all, with the code 124 under Open MPI. MPI itself ends all if the network fails.
    ///
    /// ```no_run
    /// use candlewick::cluster::Cluster;
    /// use std::process::ExitCode;
    ///
    /// fn run(cluster: &Cluster) -> anyhow::Result<()> {
    ///     println!("rank {} of {}", cluster.rank(), cluster.ranks());
    ///     Ok(())
    /// }
    ///
    /// fn main() -> candlewick::Result<ExitCode> {
    ///     let cluster = Cluster::from_mpi()?;
    ///     Ok(cluster.report(run(&cluster)))
    /// }
    /// ```
    ///
    /// # Errors
    /// Something else in the program has begun MPI, or MPI does not allow other threads beside the one that calls it;
    /// another thread has made the first call; `CANDLEWICK_CLUSTER_TIMEOUT` is no number of seconds above 0.
    #[cfg_attr(docsrs, doc(cfg(feature = "mpi")))]
    pub fn from_mpi() -> Result<Self> {
        let handle = |cell: &OnceCell<Home>| {
            let home = match cell.get() {
                Some(home) => home,
                None => {
                    let home = Home::start()?;
                    cell.get_or_init(|| home)
                }
            };
            home.handle()
        };
        HOME.try_with(handle).unwrap_or(Err(Error::Cluster(ClusterError::Thread)))
    }
}

/// A communicator of MPI, and the ranks of its members among all.
struct Circle {
    comm: SimpleCommunicator,
    members: Vec<usize>,
}

/// MPI's objects, which live in the thread that MPI has begun in.
struct Home {
    /// Communicators, of which the first has all members. They are kept to the end: all would have to give one back
    /// together, which is nothing for a destructor.
    circles: RefCell<Vec<Rc<Circle>>>,
    /// Rank among all members.
    rank: usize,
    /// Place among the members on this machine, and number of those.
    on_machine: (usize, usize),
    /// Numbers of calls in which each member takes part.
    calls: RefCell<Vec<u64>>,
    letters: RefCell<Vec<Option<Letter>>>,
    has_left: Cell<bool>,
    /// Whether the thread is in a call, out of which MPI ends the process when another one has ended the job.
    is_inside: Cell<bool>,
    longest_wait: Option<Duration>,
    /// Handle on the group of all.
    handle: RefCell<Weak<Inner>>,
    /// MPI ends with it, so it is dropped last.
    universe: Cell<Option<Universe>>,
}

impl Home {
    fn start() -> Result<Self> {
        let longest_wait = longest_wait()?;
        let mpi = |reason: &str| Error::Cluster(ClusterError::Mpi { reason: reason.to_owned() });
        let begun = || match OWNER.get() {
            Some(_) => Error::Cluster(ClusterError::Thread),
            None => mpi("something else in this program has begun it: call `Cluster::from_mpi` before"),
        };
        let (universe, threading) = mpi::initialize_with_threading(Threading::Funneled).ok_or_else(begun)?;
        _ = OWNER.set(thread::current().id());
        if threading < Threading::Funneled {
            return Err(mpi("it allows no threads beside the one that calls it"));
        }
        let all = universe.world().duplicate();
        let machine = all.split_shared(0);
        let mut cores = vec![0u64; machine.size() as usize];
        machine.all_gather_into(&cores::cores(), &mut cores[..]);
        cores::divide(cores.iter().filter(|theirs| **theirs == cores[machine.rank() as usize]).count());
        let (rank, ranks) = (all.rank() as usize, all.size() as usize);
        Ok(Self {
            circles: RefCell::new(vec![Rc::new(Circle { comm: all, members: (0..ranks).collect() })]),
            rank,
            on_machine: (machine.rank() as usize, machine.size() as usize),
            calls: RefCell::new(vec![0; ranks]),
            letters: RefCell::new((0..ranks).map(|_| None).collect()),
            has_left: Cell::new(false),
            is_inside: Cell::new(false),
            longest_wait,
            handle: RefCell::new(Weak::new()),
            universe: Cell::new(Some(universe)),
        })
    }

    /// Does something in the thread that MPI has begun in, unless this member has ended.
    fn with<T>(action: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let elsewhere = Err(Error::Cluster(ClusterError::Thread));
        let inside = |cell: &OnceCell<Self>| match cell.get() {
            None => elsewhere,
            Some(home) if home.has_left.get() => Err(Error::Cluster(ClusterError::Left { rank: home.rank })),
            Some(home) => {
                home.is_inside.set(true);
                let result = action(home);
                home.is_inside.set(false);
                result
            }
        };
        HOME.try_with(inside).unwrap_or(Err(Error::Cluster(ClusterError::Thread)))
    }

    /// Returns the handle on the group of all, so that all handles on it are clones.
    fn handle(&self) -> Result<Cluster> {
        if let Some(inner) = self.handle.borrow().upgrade() {
            return Ok(Cluster(inner));
        }
        let cluster = Cluster::new(Arc::new(self.process(0)));
        self.handle.replace(Arc::downgrade(&cluster.0));
        Ok(cluster)
    }

    fn circle(&self, place: usize) -> Rc<Circle> {
        Rc::clone(&self.circles.borrow()[place])
    }

    fn process(&self, place: usize) -> Process {
        let circle = self.circle(place);
        let (rank, ranks) = (circle.comm.rank() as usize, circle.members.len());
        Process { circle: place, rank, ranks, on_machine: self.on_machine }
    }

    /// Begins a call in which members take part.
    fn call<'a>(&self, what: &'static str, members: &'a [usize]) -> Call<'a> {
        let mut calls = self.calls.borrow_mut();
        members.iter().for_each(|member| calls[*member] += 1);
        Call::new(what, self.rank, members)
    }

    /// Waits until a request of a call is complete.
    fn wait<'a, D: ?Sized, S: Scope<'a>>(&self, mut request: Request<'a, D, S>, call: &Call<'_>) -> Status {
        loop {
            for _ in 0..QUESTIONS {
                request = match request.test() {
                    Ok(status) => return status,
                    Err(request) => request,
                };
            }
            self.look_around(call);
        }
    }

    /// Ends the job if a call waits in vain.
    fn look_around(&self, call: &Call<'_>) {
        self.read_letters();
        let never_comes = |other: &usize| {
            let (letters, calls) = (self.letters.borrow(), self.calls.borrow());
            letters[*other].as_ref().is_some_and(|letter| letter.calls < calls[*other])
        };
        if let Some(other) = call.others().find(never_comes) {
            let error = self.letters.borrow()[other].as_ref().and_then(|letter| letter.error.clone());
            let error = error.map_or_else(String::new, |(text, _)| format!(" with an error: {text}"));
            let (rank, what) = (call.rank, call.what);
            eprintln!("rank {rank} waits in a {what} for rank {other}, which has ended{error}");
            self.abort(LEFT);
        }
        if let Some(text) = self.longest_wait.and_then(|longest| call.overdue(longest)) {
            eprintln!("{text}");
            self.abort(OVERDUE);
        }
        // There may be fewer cores than processes.
        thread::yield_now();
    }

    /// Takes in letters of members that have ended.
    fn read_letters(&self) {
        let all = self.circle(0);
        while let Some((message, status)) = all.comm.any_process().immediate_matched_probe_with_tag(LETTER) {
            let from = status.source_rank() as usize;
            self.letters.borrow_mut()[from] = Some(receive(message, status));
        }
    }

    /// Waits until a member has ended.
    fn wait_for_letter(&self, of: usize) {
        while of != self.rank && self.letters.borrow()[of].is_none() {
            self.read_letters();
            thread::sleep(Duration::from_micros(200));
        }
    }

    /// Tells the others that this member calls them no more.
    fn leave(&self, error: Option<(&str, usize)>) {
        if self.has_left.replace(true) {
            return;
        }
        let all = self.circle(0);
        let error = error.map(|(text, cause)| (shortened(text), cause));
        let letter = |calls: &u64| Letter { calls: *calls, error: error.clone() }.write();
        let letters: Vec<Vec<u8>> = self.calls.borrow().iter().map(letter).collect();
        mpi::request::scope(|scope| {
            let send = |(to, letter): (usize, _)| {
                let process = all.comm.process_at_rank(to as i32);
                (to != self.rank).then(|| process.immediate_send_with_tag(scope, letter, LETTER))
            };
            let sends: Vec<_> = letters.iter().map(|letter| &letter[..]).enumerate().filter_map(send).collect();
            sends.into_iter().for_each(|send| _ = send.wait());
        });
    }

    /// Ends all processes.
    fn abort(&self, code: i32) -> ! {
        self.is_inside.set(true);
        // MPICH waits for the others to take notice. A process that is gone ends the job too, with another code.
        let too_late = || {
            thread::sleep(ABORTING);
            process::abort();
        };
        _ = thread::Builder::new().spawn(too_late);
        self.circle(0).comm.abort(code)
    }
}

/// Receives a letter that has arrived.
fn receive(message: Message, status: Status) -> Letter {
    let mut bytes = vec![0; status.count(u8::equivalent_datatype()).max(0) as usize];
    message.matched_receive_into(&mut bytes[..]);
    Letter::read(&bytes)
}

impl Drop for Home {
    /// Ends MPI once all have ended. Until then, those that wait for this member have to learn that it has.
    fn drop(&mut self) {
        if self.is_inside.get() {
            // The job has been ended: MPI does nothing more together with the others.
            mem::forget(self.circles.take());
            mem::forget(self.universe.take());
            return;
        }
        self.leave(None);
        (0..self.calls.borrow().len()).for_each(|rank| self.wait_for_letter(rank));
    }
}

/// Member of a group that is a process.
#[derive(Debug)]
struct Process {
    /// Number of the group's communicator in its thread.
    circle: usize,
    rank: usize,
    ranks: usize,
    on_machine: (usize, usize),
}

impl Drop for Process {
    /// Ends the job if a panic drops the last handle on a group: this process would do nothing more for the others.
    fn drop(&mut self) {
        if thread::panicking() && self.ranks > 1 {
            _ = HOME.try_with(|cell| cell.get().map(|home| home.abort(PANIC)));
        }
    }
}

impl Communicator for Process {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.ranks
    }

    fn on_machine(&self) -> (usize, usize) {
        self.on_machine
    }

    fn swap(&self, with: usize, send: &[u8], receive: &mut [u8]) -> Result<()> {
        Home::with(|home| {
            let circle = home.circle(self.circle);
            let call = home.call("swap", &circle.members[with..=with]);
            let other = circle.comm.process_at_rank(with as i32);
            let (mut send, mut receive) = (send, receive);
            loop {
                let (now, later) = send.split_at(send.len().min(MESSAGE));
                let (here, rest) = receive.split_at_mut(receive.len().min(MESSAGE));
                let expected = here.len();
                let status = mpi::request::scope(|scope| {
                    let receiving = other.immediate_receive_into_with_tag(scope, here, BYTES);
                    let sending = other.immediate_send_with_tag(scope, now, BYTES);
                    let status = home.wait(receiving, &call);
                    home.wait(sending, &call);
                    status
                });
                if usize::try_from(status.count(u8::equivalent_datatype())) != Ok(expected) {
                    let rank = circle.members[with];
                    return Err(Error::Cluster(ClusterError::Differs { what: "the number of bytes", rank }));
                }
                if later.is_empty() && rest.is_empty() {
                    return Ok(());
                }
                (send, receive) = (later, rest);
            }
        })
    }

    fn gather(&self, mine: &[u8], all: &mut [u8]) -> Result<()> {
        Home::with(|home| {
            if mine.is_empty() {
                // The address of an empty list means something else to MPI.
                return Ok(());
            }
            let circle = home.circle(self.circle);
            let call = home.call("gather", &circle.members);
            let gather = |mine: &[u8], all: &mut [u8]| {
                mpi::request::scope(|scope| {
                    let request = circle.comm.immediate_all_gather_into(scope, mine, all);
                    home.wait(request, &call);
                });
            };
            let most = (MESSAGE / self.ranks).max(1);
            if mine.len() <= most {
                gather(mine, all);
                return Ok(());
            }
            let mut pieces = vec![0; most * self.ranks];
            for (at, piece) in (0..).step_by(most).zip(mine.chunks(most)) {
                let pieces = &mut pieces[..piece.len() * self.ranks];
                gather(piece, pieces);
                for (row, piece) in all.chunks_mut(mine.len()).zip(pieces.chunks(piece.len())) {
                    row[at..][..piece.len()].copy_from_slice(piece);
                }
            }
            Ok(())
        })
    }

    fn group(self: Arc<Self>, members: Vec<usize>) -> Result<Arc<dyn Communicator>> {
        if members.binary_search(&self.rank).is_err() {
            return Err(Error::Cluster(ClusterError::Split { ranks: self.ranks, size: members.len() }));
        }
        // MPI's own call would wait for a member that has ended.
        self.gather(&[0], &mut vec![0; self.ranks])?;
        Home::with(|home| {
            let whole = home.circle(self.circle);
            let comm = whole.comm.split_by_color(Color::with_value(members[0] as i32));
            let Some(comm) = comm else { return Ok(Arc::new(super::comm::Alone) as Arc<dyn Communicator>) };
            let members = members.iter().map(|member| whole.members[*member]).collect();
            let place = home.circles.borrow().len();
            home.circles.borrow_mut().push(Rc::new(Circle { comm, members }));
            Ok(Arc::new(home.process(place)) as Arc<dyn Communicator>)
        })
    }

    fn end(&self, error: Option<(&str, usize)>) -> bool {
        let ended = Home::with(|home| {
            home.leave(error);
            let Some((text, cause)) = error.filter(|_| home.rank > 0) else { return Ok(true) };
            home.wait_for_letter(0);
            let letters = home.letters.borrow();
            let first = letters[0].as_ref().and_then(|letter| letter.error.as_ref());
            Ok(first.is_none_or(|(firsts, firsts_cause)| *firsts_cause != cause && *firsts != shortened(text)))
        });
        ended.unwrap_or(true)
    }
}
