//! Cases that run on any number of processes. A further one is a line in [`CASES`] and a function.

use crate::shared;
use candlewick::__private::cluster::{gather, swap};
use candlewick::Result;
use candlewick::cluster::Cluster;
use candlewick::error::{ClusterError, Error};
use std::thread;
use std::time::{Duration, Instant};

/// Function of a case, which all processes call. The text is printed, and is the same for all numbers of processes.
type Case = fn(&Cluster) -> Result<String>;

pub(crate) const CASES: &[(&str, Case)] = &[
    ("members", members),
    ("cores are divided", cores),
    ("gather", gathers),
    ("swap", swaps),
    ("bytes of unequal number", unequal),
    ("split", splits),
    ("a rank that lies", lies),
    ("an error of one rank", errors),
    ("calls from another thread", other_threads),
    ("a slow rank", slow),
    ("a shared state", shared::states),
    ("shared batches", shared::batches),
    ("a circuit of another rank", shared::circuits),
];

/// Odd numbers of bytes, and one that is sent in parts by the network below MPI.
const SIZES: [usize; 7] = [0, 1, 7, 64, 1023, 65_537, 3 << 20];

/// Bytes that a rank gives to another one.
fn bytes(from: usize, to: usize, size: usize) -> Vec<u8> {
    let pattern: Vec<u8> = (0..251).map(|at| ((at * 31 + from * 101 + to * 57 + size) % 251) as u8).collect();
    let mut bytes = pattern.repeat(size.div_ceil(251));
    bytes.truncate(size);
    bytes
}

fn members(cluster: &Cluster) -> Result<String> {
    assert!(cluster.rank() < cluster.ranks());
    assert_eq!((cluster.group(), cluster.groups()), (0, 1));
    assert_eq!(cluster.is_first(), cluster.rank() == 0);
    assert!(Cluster::from_mpi()? == *cluster, "a second call has the same group");
    let started = std::env::var("OMPI_COMM_WORLD_SIZE").or_else(|_| std::env::var("PMI_SIZE"));
    assert_eq!(started.ok(), Some(cluster.ranks().to_string()));
    Ok("numbered".to_owned())
}

/// All processes run on the same cores here.
fn cores(cluster: &Cluster) -> Result<String> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    assert_eq!(rayon::current_num_threads(), (cores / cluster.ranks()).max(1));
    Ok("divided".to_owned())
}

fn check_gather(cluster: &Cluster, name: usize, size: usize) -> Result<()> {
    let of = |rank| bytes(rank, name, size);
    let mut all = vec![0; size * cluster.ranks()];
    gather(cluster, &bytes(cluster.rank(), name, size), &mut all)?;
    assert!(all == (0..cluster.ranks()).flat_map(of).collect::<Vec<u8>>(), "{size} bytes of each");
    Ok(())
}

fn gathers(cluster: &Cluster) -> Result<String> {
    SIZES.iter().try_for_each(|size| check_gather(cluster, 0, *size))?;
    Ok(format!("{SIZES:?} bytes"))
}

/// Swaps with all members, and this one, in rounds in which members are partners whose ranks add up to a number.
fn check_swaps(cluster: &Cluster, size: usize) -> Result<()> {
    let (rank, ranks) = (cluster.rank(), cluster.ranks());
    for round in 0..ranks {
        let with = (ranks + round - rank) % ranks;
        let mut received = vec![0; size];
        swap(cluster, with, &bytes(rank, with, size), &mut received)?;
        assert!(received == bytes(with, rank, size), "{size} bytes from {with}");
    }
    Ok(())
}

fn swaps(cluster: &Cluster) -> Result<String> {
    SIZES.iter().try_for_each(|size| check_swaps(cluster, *size))?;
    Ok(format!("{SIZES:?} bytes"))
}

/// Partners that send fewer bytes than the other one has room for.
fn unequal(cluster: &Cluster) -> Result<String> {
    let (rank, ranks) = (cluster.rank(), cluster.ranks());
    let with = (ranks - rank) % ranks;
    let mut received = [0; 9];
    let error = swap(cluster, with, &[1; 8], &mut received).unwrap_err();
    let expected = ClusterError::Differs { what: "the number of bytes", rank: with };
    assert!(matches!(&error, Error::Cluster(error) if *error == expected), "{error}");
    Ok("an error".to_owned())
}

/// Groups of all sizes that divide the number of members: within them, across them, and among all afterwards.
fn splits(cluster: &Cluster) -> Result<String> {
    let ranks = cluster.ranks();
    for size in (1..=ranks).filter(|size| ranks.is_multiple_of(*size)) {
        let group = cluster.split(size)?;
        assert_eq!((group.rank(), group.ranks()), (cluster.rank() % size, size));
        assert_eq!((group.group(), group.groups()), (cluster.rank() / size, ranks / size));
        assert_eq!(group.is_first(), cluster.is_first());
        for size in SIZES {
            check_gather(&group, group.group(), size)?;
            check_swaps(&group, size)?;
            check_gather(cluster, 0, size)?;
        }
        // Groups call independently of each other.
        (0..group.group()).try_for_each(|call| check_gather(&group, call, 5))?;
        group.check_same("the number of the group", group.group() as u64)?;
        assert!(group.split(1).is_err(), "a group is not split again");
    }
    assert!(cluster.split(ranks + 1).is_err() && cluster.split(0).is_err());
    check_swaps(cluster, 77)?;
    Ok("within groups, and among all".to_owned())
}

fn lies(cluster: &Cluster) -> Result<String> {
    let last = cluster.ranks() - 1;
    let result = cluster.check_same("the number of epochs", u64::from(cluster.rank() == last));
    let expected = ClusterError::Differs { what: "the number of epochs", rank: last };
    match result {
        Err(Error::Cluster(error)) => assert_eq!(error, expected),
        other => assert!(other.is_ok() && last == 0, "{other:?}"),
    }
    Ok("found out by all".to_owned())
}

fn errors(cluster: &Cluster) -> Result<String> {
    let last = cluster.ranks() - 1;
    let read = || -> Result<()> {
        let mistake = candlewick::variational::Molecule::read("no/such/file.json").map(|_| ());
        if cluster.rank() == last { mistake } else { Ok(()) }
    };
    let error = cluster.all_or_none(read()).unwrap_err();
    match error {
        Error::Cluster(ClusterError::Elsewhere { rank, error }) => {
            assert!(cluster.rank() < last && rank == last && error.contains("no/such/file.json"), "{error}");
        }
        own => assert!(cluster.rank() == last && matches!(own, Error::File(_)), "{own}"),
    }
    Ok("known to all".to_owned())
}

fn other_threads(cluster: &Cluster) -> Result<String> {
    let calls = || [cluster.check_same("nothing", 0), Cluster::from_mpi().map(|_| ()), cluster.split(1).map(|_| ())];
    let results = thread::scope(|scope| scope.spawn(calls).join()).expect("no panic");
    for result in results {
        assert!(matches!(result, Err(Error::Cluster(ClusterError::Thread))), "{result:?}");
    }
    Ok("an error".to_owned())
}

/// Others wait for a rank that takes its time, and for one that ends later than they do.
fn slow(cluster: &Cluster) -> Result<String> {
    let (last, start) = (cluster.ranks() - 1, Instant::now());
    if cluster.rank() == last {
        thread::sleep(Duration::from_millis(300));
    }
    check_gather(cluster, 0, 3)?;
    assert!(start.elapsed() >= Duration::from_millis(290));
    if cluster.rank() == last {
        thread::sleep(Duration::from_millis(300));
    }
    Ok("waited for".to_owned())
}
