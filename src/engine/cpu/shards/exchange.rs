//! Exchanges of amplitudes between shards: in memory between those of one member, in messages between members.

use super::MESSAGE;
use crate::cluster::Sharing;
use crate::engine::Real;
use crate::engine::cpu::state::State;
use crate::error::Result;
use crate::gf2::xor_of;
use crate::program::shards::{Block, Exchange};

/// Bits of the number of an amplitude in a block whose places are in a table.
const TABLE_BITS: usize = 8;

/// Numbers that are sent and received, in messages.
#[derive(Debug)]
pub(super) struct Messages<T> {
    send: Vec<T>,
    receive: Vec<T>,
}

impl<T> Default for Messages<T> {
    fn default() -> Self {
        Self { send: Vec::new(), receive: Vec::new() }
    }
}

impl<T> Messages<T> {
    /// Bytes that the messages hold.
    pub(super) fn bytes(&self) -> usize {
        (self.send.capacity() + self.receive.capacity()) * size_of::<T>()
    }
}

/// Places of a block's amplitudes, which are affine in their numbers.
struct Places {
    table: Vec<u64>,
    block: Block,
}

impl Places {
    fn new(block: Block) -> Self {
        let bits = block.flips.len().min(TABLE_BITS);
        let table = (0..1u64 << bits).map(|number| xor_of(&block.flips[..bits], number)).collect();
        Self { table, block }
    }

    fn count(&self) -> usize {
        1 << self.block.flips.len()
    }

    /// Places of the amplitudes `from..from + count`, in a run of at most a table's length.
    fn runs(&self, from: usize, count: usize) -> impl Iterator<Item = (usize, impl Iterator<Item = usize>)> {
        let step = self.table.len();
        (0..count).step_by(step).map(move |at| {
            let base = self.block.first ^ xor_of(&self.block.flips, (from + at) as u64);
            (at, self.table.iter().take(count - at).map(move |offset| (base ^ offset) as usize))
        })
    }
}

/// Does an exchange on the shards of this member: on one state of each, in the order of shards.
pub(super) fn exchange<T: Real>(
    exchange: &Exchange,
    sharing: &Sharing,
    states: &mut [&mut State<T>],
    messages: &mut Messages<T>,
) -> Result<()> {
    let own = sharing.own();
    let mut shard_of = vec![0; exchange.labels.len()];
    exchange.labels.iter().enumerate().for_each(|(shard, label)| shard_of[*label as usize] = shard);
    for [a, b] in exchange.pairs() {
        let shards = [a, b].map(|label| shard_of[label as usize]);
        match shards.map(|shard| own.contains(&shard)) {
            [false, false] => {}
            [true, true] => {
                let places = [Places::new(exchange.block(a, b)), Places::new(exchange.block(b, a))];
                let at = shards.map(|shard| shard - own.start);
                if let Ok([first, second]) = states.get_disjoint_mut(at) {
                    swap_in_memory(&places, first, second);
                }
            }
            [is_first, _] => {
                let (mine, other, block) = match is_first {
                    true => (shards[0], shards[1], exchange.block(a, b)),
                    false => (shards[1], shards[0], exchange.block(b, a)),
                };
                let rank = other / own.len();
                send(&Places::new(block), sharing, rank, states[mine - own.start], messages)?;
            }
        }
    }
    Ok(())
}

fn swap_in_memory<T: Real>([from, to]: &[Places; 2], a: &mut State<T>, b: &mut State<T>) {
    let count = from.count();
    for ((_, places), (_, others)) in from.runs(0, count).zip(to.runs(0, count)) {
        for (p, q) in places.zip(others) {
            std::mem::swap(&mut a.re[p], &mut b.re[q]);
            std::mem::swap(&mut a.im[p], &mut b.im[q]);
        }
    }
}

/// Exchanges a block with a shard of another member.
fn send<T: Real>(
    places: &Places,
    sharing: &Sharing,
    rank: usize,
    state: &mut State<T>,
    messages: &mut Messages<T>,
) -> Result<()> {
    let most = MESSAGE / (2 * size_of::<T>());
    for from in (0..places.count()).step_by(most) {
        let count = most.min(places.count() - from);
        let Messages { send, receive } = &mut *messages;
        [&mut *send, &mut *receive].into_iter().for_each(|numbers| numbers.resize(2 * count, T::zero()));
        let (re, im) = send.split_at_mut(count);
        for (at, places) in places.runs(from, count) {
            for (place, (re, im)) in places.zip(re[at..].iter_mut().zip(&mut im[at..])) {
                (*re, *im) = (state.re[place], state.im[place]);
            }
        }
        let bytes = pulp::bytemuck::cast_slice(send);
        sharing.cluster.comm().swap(rank, bytes, pulp::bytemuck::cast_slice_mut(receive))?;
        let (re, im) = receive.split_at(count);
        for (at, places) in places.runs(from, count) {
            for (place, (re, im)) in places.zip(re[at..].iter().zip(&im[at..])) {
                (state.re[place], state.im[place]) = (*re, *im);
            }
        }
    }
    Ok(())
}
