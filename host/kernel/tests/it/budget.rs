//! Whatever is reserved, used and given back, in whatever order: nothing is promised twice.

use pointsman_kernel::{Ledger, Line};
use pointsman_model::{Limit, Limits, RunId, Spent};
use proptest::prelude::*;

fn run(number: usize) -> RunId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(number as u64 + 1).to_be_bytes());
    RunId::from_random(bytes)
}

#[derive(Debug, Clone)]
enum Move {
    /// A run, launched by one that is there already.
    Launch { parent: usize, wished: Limits },
    /// One of the runs has used a part of what it has.
    Use { run: usize, percent: u64 },
    /// One ends.
    End { run: usize },
}

fn limits(most: u64) -> impl Strategy<Value = Limits> {
    let limit = || proptest::option::weighted(0.4, 0..most);
    (limit(), limit(), limit(), limit(), limit(), limit()).prop_map(
        |(depth, fan_out, live_runs, wall_seconds, tokens, cost_micro_usd)| Limits {
            depth: depth.map(|it| it % 6),
            fan_out: fan_out.map(|it| it % 5),
            live_runs: live_runs.map(|it| it % 8),
            wall_seconds,
            tokens,
            cost_micro_usd,
        },
    )
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => (any::<usize>(), limits(1_000)).prop_map(|(parent, wished)| Move::Launch { parent, wished }),
        2 => (any::<usize>(), 0..100_u64).prop_map(|(run, percent)| Move::Use { run, percent }),
        1 => any::<usize>().prop_map(|run| Move::End { run }),
    ];
    proptest::collection::vec(one, 0..60)
}

/// What a test knows of a run besides the ledger.
#[derive(Debug, Clone)]
struct Known {
    parent: Option<usize>,
    granted: Limits,
    spent: Spent,
    live: bool,
}

fn below(runs: &[Known], top: usize) -> Vec<usize> {
    let leads_to = |mut at: usize| {
        loop {
            if at == top {
                return true;
            }
            let Some(parent) = runs[at].parent else { return false };
            at = parent;
        }
    };
    (0..runs.len()).filter(|at| leads_to(*at)).collect()
}

proptest! {
    #[test]
    fn budgets_never_exceed_the_roots(root in limits(1_000), moves in moves()) {
        let mut ledger = Ledger::default();
        let mut runs: Vec<Known> = Vec::new();
        let first = ledger.reserve(run(0), None, root);
        prop_assert_eq!(first, Ok(root), "nothing limits a root but itself");
        runs.push(Known { parent: None, granted: root, spent: Spent::default(), live: true });
        for next in moves {
            match next {
                Move::Launch { parent, wished } => {
                    let parent = parent % runs.len();
                    let number = runs.len();
                    if let Ok(granted) = ledger.reserve(run(number), Some(run(parent)), wished) {
                        for limit in [Limit::Tokens, Limit::Cost, Limit::WallTime] {
                            if let Some(wish) = wished.get(limit) {
                                prop_assert!(granted.get(limit).unwrap() <= wish);
                            }
                        }
                        let spent = Spent::default();
                        runs.push(Known { parent: Some(parent), granted, spent, live: true });
                    }
                }
                // A run may use what it was granted, or, without a grant of its own, what is left above.
                Move::Use { run: number, percent } => {
                    let number = number % runs.len();
                    let own = &runs[number];
                    let room = |limit, used: u64| {
                        let above = ledger.left(Some(run(number)), limit).map_or(u64::MAX / 4, |(left, _)| left);
                        let set_aside = own.granted.get(limit).map_or(above, |granted| granted.saturating_sub(used));
                        used + set_aside.min(above).min(1_000) * percent / 100
                    };
                    let spent = Spent {
                        seconds: own.spent.seconds,
                        tokens: room(Limit::Tokens, own.spent.tokens),
                        cost_micro_usd: room(Limit::Cost, own.spent.cost_micro_usd),
                    };
                    if own.live {
                        ledger.reconcile(run(number), spent);
                        runs[number].spent = spent;
                    }
                }
                Move::End { run: number } => {
                    let number = number % runs.len();
                    // A tree ends with its top.
                    for under in below(&runs, number) {
                        ledger.release(run(under));
                        runs[under].live = false;
                    }
                }
            }
            // A ledger that is made anew of what is written down is the same one.
            let again = Ledger::new(runs.iter().enumerate().map(|(number, known)| Line {
                run: run(number),
                parent: known.parent.map(run),
                granted: known.granted,
                spent: known.spent,
                live: known.live,
            }));
            prop_assert_eq!(&again, &ledger);
            for (number, account) in runs.iter().enumerate() {
                let all = below(&runs, number);
                let tokens: u64 = all.iter().map(|at| runs[*at].spent.tokens).sum();
                let cost: u64 = all.iter().map(|at| runs[*at].spent.cost_micro_usd).sum();
                let live = all.iter().filter(|at| runs[**at].live).count() as u64;
                let launched = |at: usize| runs.iter().filter(|it| it.parent == Some(at)).count() as u64;
                let fan_out = all.iter().map(|at| launched(*at)).max().unwrap_or(0);
                let depth = |mut at: usize| {
                    let mut levels = 1;
                    while at != number {
                        at = runs[at].parent.unwrap();
                        levels += 1;
                    }
                    levels
                };
                let deepest = all.iter().map(|at| depth(*at)).max().unwrap_or(0);
                let holds = |limit: Limit, used: u64| account.granted.get(limit).is_none_or(|most| used <= most);
                prop_assert!(holds(Limit::Tokens, tokens), "{} tokens of {:?}", tokens, account.granted);
                prop_assert!(holds(Limit::Cost, cost));
                if all.len() > 1 {
                    prop_assert!(holds(Limit::FanOut, fan_out));
                    prop_assert!(holds(Limit::Depth, deepest));
                    prop_assert!(holds(Limit::LiveRuns, live));
                }
                // What is set aside below, together with what is used, fits as well.
                let reserved: u64 = runs
                    .iter()
                    .filter(|it| it.parent == Some(number) && it.live)
                    .filter_map(|it| it.granted.tokens)
                    .sum();
                prop_assert!(holds(Limit::Tokens, reserved));
                let mut drawing = ledger.drawing(run(number));
                prop_assert_eq!(drawing.first() == Some(&run(number)), runs[number].live, "its own first");
                drawing.sort_unstable();
                let mut living: Vec<RunId> = all.iter().filter(|at| runs[**at].live).map(|at| run(*at)).collect();
                living.sort_unstable();
                prop_assert_eq!(drawing, living, "whoever is to end when it is used up");
                for level in ledger.levels(run(number)) {
                    match level.limit {
                        Limit::Tokens => prop_assert_eq!(level.used, tokens, "each run is counted once"),
                        Limit::Cost => prop_assert_eq!(level.used, cost),
                        _ => {}
                    }
                }
            }
        }
    }
}

#[test]
fn what_a_run_did_not_use_is_its_parents_again() {
    let tokens = |tokens| Limits { tokens: Some(tokens), ..Limits::default() };
    let mut ledger = Ledger::default();
    ledger.reserve(run(0), None, tokens(100)).unwrap();
    assert_eq!(ledger.reserve(run(1), Some(run(0)), tokens(80)).unwrap().tokens, Some(80));
    assert_eq!(ledger.reserve(run(2), Some(run(0)), tokens(80)).unwrap().tokens, Some(20), "what is left");
    let refused = ledger.reserve(run(3), Some(run(0)), Limits::default()).unwrap_err();
    assert_eq!((refused.account, refused.limit, refused.most), (run(0), Limit::Tokens, 100));
    ledger.reconcile(run(1), Spent { tokens: 30, ..Spent::default() });
    ledger.release(run(1));
    assert_eq!(ledger.left(Some(run(0)), Limit::Tokens), Some((50, run(0))));
    // A backend that reports more than it was granted leaves nothing, and no less than nothing.
    ledger.reconcile(run(2), Spent { tokens: 500, ..Spent::default() });
    assert_eq!(ledger.left(Some(run(0)), Limit::Tokens), Some((0, run(0))));
    assert!(ledger.levels(run(0)).iter().any(|level| level.used == 530 && level.most == 100));
}

#[test]
fn time_runs_for_all_below() {
    let time = |seconds| Limits { wall_seconds: Some(seconds), ..Limits::default() };
    let mut ledger = Ledger::default();
    ledger.reserve(run(0), None, time(60)).unwrap();
    ledger.reconcile(run(0), Spent { seconds: 20, ..Spent::default() });
    assert_eq!(ledger.reserve(run(1), Some(run(0)), Limits::default()).unwrap(), time(40));
    assert_eq!(ledger.reserve(run(2), Some(run(0)), time(10)).unwrap(), time(10));
    ledger.reconcile(run(0), Spent { seconds: 60, ..Spent::default() });
    assert_eq!(ledger.reserve(run(3), Some(run(0)), Limits::default()).unwrap_err().limit, Limit::WallTime);
}
