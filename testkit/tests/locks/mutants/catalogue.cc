#include "mutants/catalogue.h"

#include <utility>

#include "mutants/breakable_locks.h"
#include "mutants/breakable_store.h"
#include "mutants/queue_locks.h"

namespace deimos::testkit::mutants {
namespace {

using enum Flaw;
using W = Weather;
constexpr Ground in_store = Ground::store;
constexpr Ground in_client = Ground::client;
constexpr Ground in_queue = Ground::queue;

Mutant row(const char* id, const char* name, const char* broken, const char* as_in, Ground ground, Flaws flaws,
           Weather weather, Check found_by) {
  return {id, name, broken, as_in, ground, flaws, weather, found_by};
}

std::vector<Mutant> make_catalogue() {
  return {
      // A: ownership and release
      row("A1", "ForeignDelete", "unlock deletes the key, whoever has it", "Go client, delta-rs", in_store,
          {foreign_delete}, W::rough, owners),
      row("A2", "CreateIsASet", "a condition that the store does not know: create is a plain set", "etcd's `prevExist`",
          in_store, {create_is_a_set}, W::rough, owners),
      row("A3", "RenewByExistence", "renewal asks only that the key exists", "libkv, Vault", in_store,
          {renew_by_existence}, W::rough, owners),
      row("A4", "OneTokenForEver", "an unlock retried later hits the next acquisition of its client", "etcd", in_client,
          {one_token_for_ever}, W::rough, owners),
      row("A5", "TokenOfTheHost", "the value is the host's, so it passes for another holder's", "Go client, zktools",
          in_client, {token_of_the_host}, W::rough, owners),
      row("A6", "ReleaseByName", "a late release frees what another owner acquired by the same object", "redis-py",
          in_client, {release_by_name}, W::cut, nesting),
      row("A7", "StickyHeldFlag", "what was held once is held for ever", "Go client", in_client, {sticky_held_flag},
          W::forced, tokens),
      row("A8", "ForgetsBeforeItIsConfirmed", "a release without an answer is forgotten", "redis-py, Curator",
          in_client, {forgets_before_it_is_confirmed}, W::lossy, clean),
      row("A9", "ReleaseByDeadlineOfAcquire", "unlock uses the deadline that the acquire was given", "Go client, ncps",
          in_client, {release_by_deadline_of_acquire}, W::swift, clean),
      row("A10", "RenewsAfterFailedUnlock", "an unlock fails, and renewing goes on", "Cilium, Consul, Redisson",
          in_client, {renews_after_failed_unlock}, W::lossy, alive),
      row("A11", "WrongTokenInRollback", "an acquire given up is rolled back with a wrong token", "redis-plus-plus",
          in_client, {wrong_token_in_rollback}, W::lossy, alive),
      row("A12", "CheckThenDelete", "unlock reads, compares by itself, and deletes", "distributed-lock-go", in_store,
          {check_then_delete}, W::rough, owners),
      row("A13", "SideRecord", "unlock leaves the session's record", "etcd-cpp-apiv3", in_store, {side_record},
          W::rough, clean),
      row("A14", "UnlockTwiceFreesAnother", "a second unlock frees the next holder", "Redisson", in_client,
          {unlock_twice_frees_another}, W::careless, owners),
      // B: acquire and ambiguity
      row("B1", "UnclearCreateIsFailure", "a create without an answer counts as failed: it waits for itself",
          "Go client, go-zookeeper", in_client, {unclear_create_is_failure}, W::lossy, alive),
      row("B2", "BlindRetry", "a create is sent again; that it exists is taken for another's", "jetcd 0.8.2 (Jepsen)",
          in_client, {blind_retry}, W::lossy, alive),
      row("B3", "SetsAfterAnError", "after an error, a second write without a condition", "libkv", in_store,
          {sets_after_an_error}, W::lossy, owners),
      row("B4", "CleansUpOnce", "the clean-up comes before the create it is for", "Deimos with 3 nodes", in_client,
          {cleans_up_once}, W::lossy, alive),
      row("B5", "CleansUpWhateverIsThere", "a late delete hits the next incarnation", "Deimos with 3 nodes", in_client,
          {cleans_up_whatever_is_there}, W::lossy, owners),
      row("B6", "CancelLeavesKey", "an acquire that was cancelled leaves its key", "Curator, Redisson", in_client,
          {cancel_leaves_key}, W::lossy, alive),
      row("B7", "CancelledIsSuccess", "cancelled at the last moment, it lets go and reports success", "etcd", in_client,
          {cancelled_is_success}, W::slow, exclusion),
      row("B8", "FailedTryLeavesPlace", "a try that failed leaves its place in the queue", "python-etcd", in_queue,
          {failed_try_leaves_place}, W::swift, alive),
      row("B9", "LateGrantCounts", "a grant that took longer than its lease is valid", "node-redlock", in_client,
          {late_grant_counts}, W::crawling, exclusion),
      row("B10", "LookThenSet", "a read says it is free, then a set", "distributed-lock-go", in_store, {look_then_set},
          W::crowded, exclusion),
      // C: waiting and watching
      row("C1", "WatchFromNow", "a waiter watches from now on and misses the release before", "Go client, python-etcd3",
          in_store, {watch_from_now}, W::crowded, alive),
      row("C2", "WatchFromThePast", "a waiter is told at once of what it knows, and asks again", "etcd", in_store,
          {watch_from_the_past}, W::rough, budget),
      row("C3", "WatchFromTooLate", "the index is one too high, and the release is that one", "etcd", in_store,
          {watch_from_too_late}, W::crowded, alive),
      row("C4", "AsksClearedHistoryAgain", "a cleared index is asked for again unchanged", "Go client, python-etcd",
          in_store, {asks_cleared_history_again}, W::wiped, budget),
      row("C5", "DeafOnceHistoryIsCleared", "an index that went stale is nothing to worry about", "etcd", in_store,
          {deaf_once_history_is_cleared}, W::wiped, alive),
      row("C6", "FromNowAfterClearedHistory", "cleared history: watches from now on, without a read",
          "etcd's own advice", in_store, {watch_from_now_after_cleared_history}, W::wiped_fast, alive),
      row("C8", "WakesForExpiryOnly", "only an expiry wakes; a release is a compareAndDelete", "libkv", in_store,
          {wakes_for_expiry_only}, W::crowded, alive),
      row("C9", "WaitsForWhatIsGone", "watches a key that nobody will touch again", "Go client, libkv", in_client,
          {waits_for_what_is_gone}, W::crowded, alive),
      row("C10", "TrustsItsWatch", "asks once and waits for ever; the server forgot the watch", "Deimos, etcd",
          in_store, {trusts_its_watch}, W::forgetful, alive),
      row("C11", "EveryEventIsARelease", "each renewal wakes the waiters", "every client of v2 events", in_store,
          {every_event_is_a_release}, W::brisk, budget),
      row("C12", "EverybodyWakes", "all waiters watch the whole queue", "Consul", in_queue, {everybody_wakes}, W::herd,
          budget),
      row("C13", "NeverPauses", "what is held is tried again at once", "Go client: 29,792 requests in 2 s", in_client,
          {never_pauses}, W::rough, budget),
      row("C14", "LeavesItsWatches", "each round of waiting leaves a long poll behind", "Go client", in_store,
          {leaves_its_watches}, W::crowded, clean),
      row("C17", "ChokesOnAnEmptyAnswer", "the end of a watch is read as an event", "Go client", in_store,
          {chokes_on_an_empty_answer}, W::rough, finished),
      row("C18", "EventIsAGrant", "who is woken takes the lock without asking", "etcdsync", in_client,
          {event_is_a_grant}, W::rough, owners),
      // D: time and leases
      row("D1", "NoFencing", "a lock without fencing tokens", "Redlock (Kleppmann)", in_client, {no_fencing}, W::rough,
          tokens),
      row("D3", "DeadlineFromAnswer", "the lease counts from the answer", "node-redlock", in_client,
          {deadline_from_answer}, W::slow, exclusion),
      row("D4", "DeadlineFromFirstAttempt", "retries eat the lease", "node-redlock", in_client,
          {deadline_from_first_attempt}, W::hiccups, kept),
      row("D5", "WallClock", "the lease's end is taken from the wall clock", "Curator, Redisson", in_client,
          {wall_clock}, W::astray, exclusion),
      row("D8", "RoundsTtlDownForTheStore", "5 s here, 4 s there", "Go client", in_client,
          {rounds_ttl_down_for_the_store}, W::cut, exclusion),
      row("D9", "TtlInAnotherUnit", "milliseconds for seconds", "classicswarm, Redisson", in_store,
          {ttl_in_another_unit}, W::deadly, alive),
      row("D10", "NoMarginForSkew", "the store's nodes are taken to agree on the time", "etcd", in_client,
          {no_margin_for_skew}, W::skewed, exclusion),
      row("D11", "TakesWhatWasHeldForATtl", "held for a whole ttl, so it must be free", "etcd", in_client,
          {takes_what_was_held_for_a_ttl}, W::rough, owners),
      row("D12", "TrustsTtlField", "believes the store's rounded `ttl`", "Deimos", in_client, {trusts_ttl_field},
          W::cut, exclusion),
      row("D13", "RenewalDropsTtl", "a renewal without a ttl makes the lock permanent", "Vault", in_store,
          {renewal_drops_ttl}, W::deadly, alive),
      row("D14", "RenewalDropsValue", "a renewal blanks the value, and the next fails", "Deimos", in_store,
          {renewal_drops_value}, W::hiccups, kept),
      row("D15", "NoTtl", "a crash locks for ever", "etcd-cpp-apiv3, Dask", in_store, {no_ttl}, W::deadly, alive),
      row("D16", "NoMarginForDrift", "clocks are taken to run at one rate", "client-go", in_client,
          {no_margin_for_drift}, W::drifting, exclusion),
      // E: renewal and loss
      row("E1", "RenewerDies", "the first renewal that fails is the last", "libkv, redis-plus-plus, Redisson",
          in_client, {renewer_dies}, W::cut, exclusion),
      row("E2", "LossIsNotTold", "a loss is only logged", "Redisson, ShedLock", in_client, {loss_is_not_told}, W::cut,
          losses),
      row("E3", "NoLocalDeadline", "a lock is lost when a server says so", "Consul", in_client, {no_local_deadline},
          W::cut, losses),
      row("E4", "OneFailureIsLoss", "one renewal that fails is a loss", "Go client, Consul", in_client,
          {one_failure_is_loss}, W::hiccups, kept),
      row("E5", "RenewalWaitsUntilDeadline", "one renewal that hangs leaves no time for another", "Kubernetes",
          in_client, {renewal_waits_until_deadline}, W::hiccups, kept),
      row("E6", "RenewalResurrects", "a renewal that finds the key gone makes it again", "redsync, redlock-rb",
          in_store, {renewal_resurrects}, W::forced, owners),
      row("E7", "RenewalOutlivesUnlock", "renewing goes on after unlock", "Go client, Redisson", in_client,
          {renewal_outlives_unlock}, W::rough, budget),
      row("E9", "RenewalEndsWithAcquire", "renewing ends with the context of the acquire", "etcd-lock", in_client,
          {renewal_ends_with_acquire}, W::rough, exclusion),
      row("E10", "NeverRenews", "an option that nobody reads", "Go client, Redisson 3.8.1", in_client, {never_renews},
          W::rough, exclusion),
      row("E11", "SecondAcquisitionNotRenewed", "an old entry keeps the next acquisition from being renewed",
          "Redisson", in_client, {second_acquisition_not_renewed}, W::rough, exclusion),
      row("E12", "DiesWhileQueued", "the lease ends in the queue, and the lock is granted", "etcd 3.4.3 (Jepsen)",
          in_queue, {dies_while_queued}, W::rough, exclusion),
      row("E13", "RenewalDoesNotVerify", "the session is alive, the key another's", "distributed-lock-go, Consul",
          in_client, {renewal_does_not_verify}, W::forced, exclusion),
      row("E14", "UnclearRenewalMovesIndex", "a renewal without an answer makes the next one fail", "fleet, etcd",
          in_client, {unclear_renewal_moves_index}, W::hiccups, kept),
      row("E15", "OwnUnlockIsLoss", "a renewal takes the unlock for a loss", "Redisson", in_client,
          {own_unlock_is_loss}, W::rough, losses),
      row("E16", "LossIsToldTwice", "two parts tell of one loss", "kubernetes-client", in_client, {loss_is_told_twice},
          W::cut, losses),
      row("E17", "TwoRenewalLoops", "each lock is renewed twice", "Go client, jitsi", in_client, {two_renewal_loops},
          W::brisk, budget),
      // F: queues
      row("F1", "OrderOfText", "/q/105 is before /q/12", "Deimos, python-etcd", in_queue, {order_of_text}, W::rough,
          order),
      row("F2", "LostPlaceIsATurn", "its place is gone, so nobody is before it", "python-etcd", in_queue,
          {lost_place_is_a_turn}, W::cut, exclusion),
      row("F3", "PlaceWithoutLease", "a waiter that crashes blocks the queue", "Redisson", in_queue,
          {place_without_lease}, W::deadly, alive),
      row("F4", "EvictsWhoWaitsLong", "who waits long is taken for dead", "Redisson", in_queue, {evicts_who_waits_long},
          W::rough, alive),
      row("F6", "WatchesWhoHasLeft", "watches who has left already", "ZooKeeper's zoo_lock.c", in_queue,
          {watches_who_has_left}, W::crowded, alive),
      row("F7", "NextIsATurn", "the waiter ahead leaves: taken for its turn", "etcd", in_queue, {next_is_a_turn},
          W::rough, exclusion),
      row("F8", "TwoPlaces", "lines up twice, and waits for itself", "Curator, zktools", in_queue, {two_places},
          W::lossy, alive),
      row("F9", "AlwaysSucceeds", "every attempt failed, and it returns success", "ZooKeeper's zoo_lock.c", in_store,
          {always_succeeds}, W::lossy, tokens),
      // G: re-entry
      row("G1", "InnerUnlockFrees", "an inner unlock frees the lock", "Redisson", in_client, {inner_unlock_frees},
          W::rough, nesting),
      row("G2", "CountSurvivesLoss", "unlocks of a lost hold count for the next", "Redisson 3.5.5", in_client,
          {count_survives_loss}, W::cut, nesting),
      row("G3", "ReentryEndsRenewal", "entering again ends the renewing", "Redisson 3.27.2", in_client,
          {reentry_ends_renewal}, W::rough, exclusion),
      row("G4", "NewTokenOnReentry", "entering again draws a token of its own", "Redisson", in_client,
          {new_token_on_reentry}, W::rough, tokens),
      row("G5", "OneOwnerForAll", "two owners of one object both have it", "Go client, etcd", in_client,
          {one_owner_for_all}, W::rough, exclusion),
      // H: election
      row("H1", "ResignsBeforeTelling", "gives the lead up before its work was told to stop", "client-go, Kubernetes",
          in_client, {resigns_before_telling}, W::hiccups, exclusion),
      row("H3", "ToleratesSuspension", "stays leader for longer than the session", "Curator", in_client,
          {tolerates_suspension}, W::cut, exclusion),
      row("H4", "NeverAgainAfterLoss", "never stands again after a loss", "client-go", in_client,
          {never_again_after_loss}, W::cut, alive),
      row("H5", "JudgesByItsOwnTtl", "another's lease is judged by one's own, shorter one", "Kubernetes", in_client,
          {judges_by_its_own_ttl}, W::swift, owners),
      row("H6", "TrustsTimestamps", "another's lease is judged by its time stamp", "client-go", in_client,
          {trusts_timestamps}, W::astray, owners),
      row("H7", "WaitsForTheSweep", "a stale lock that nobody renews or takes", "Vault", in_store,
          {waits_for_the_sweep}, W::unswept, alive),
      // I: endpoints
      row("I3", "LosesErrorCodes", "a refusal is a body that cannot be read", "Go client", in_client,
          {loses_error_codes}, W::crowded, alive),
      row("I5", "WaitsForEveryAnswer", "a request is waited for, whatever the deadline", "go-etcd, Redisson", in_store,
          {waits_for_every_answer}, W::lossy, in_time),
      row("I7", "ServerErrorIsFailure", "an error of the server means that nothing was done", "Deimos", in_store,
          {server_error_is_failure}, W::lossy, alive),
      // J: C++
      row("J1", "RenewalThrows", "an exception leaves the renewing thread", "etcd-cpp-apiv3", in_client,
          {renewal_throws}, W::cut, finished),
      row("J4", "ReleaseThrows", "a release that fails throws", "redis-plus-plus", in_client, {release_throws},
          W::lossy, finished),
      // K: found in this client
      row("K7", "CallbackBeforeStopToken", "lost() comes after a slow callback", "this client", in_client,
          {callback_before_stop_token}, W::cut, losses),
      row("K12", "RenewalsCountFromAnswer", "a renewed lease counts from the answer", "this client", in_client,
          {renewals_count_from_answer}, W::tardy, exclusion),
      row("K13", "BeliefComesBack", "after a standstill, a late renewal makes it held again", "this client", in_client,
          {belief_comes_back}, W::frozen, losses),
      row("K16", "TakesOverWithinSkew", "takes a lease over that is not over", "this client", in_store,
          {takes_over_within_skew}, W::unswept, exclusion),
      // All at once
      row("Go", "GoClient", "the Go client's lock: A1, A7, A9, B1, C1, D8, E4, E10, G5", "Go client", in_client,
          {foreign_delete, sticky_held_flag, release_by_deadline_of_acquire, unclear_create_is_failure, watch_from_now,
           waits_for_what_is_gone, never_pauses, rounds_ttl_down_for_the_store, never_renews, one_owner_for_all},
          W::rough, exclusion),
  };
}

}  // namespace

const std::vector<Mutant>& catalogue() {
  static const std::vector<Mutant> mutants = make_catalogue();
  return mutants;
}

MakeClient client_of(Ground ground, Flaws flaws) {
  switch (ground) {
    case Ground::store:
      return [flaws](Process& process, const LockOptions& options) {
        auto backend = std::make_shared<BreakableStore>(process.client(), flaws);
        auto runtime = std::shared_ptr<Runtime>(process.client().runtime());
        return make_lock_client(std::make_unique<LockManager>(std::move(backend), std::move(runtime), options));
      };
    case Ground::client:
      return [flaws](Process& process, const LockOptions& options) {
        return std::make_unique<BreakableLocks>(process, options, flaws);
      };
    case Ground::queue: break;
  }
  return [flaws](Process& process, const LockOptions& options) {
    return std::make_unique<QueueLocks>(process, options, flaws);
  };
}

LockRun run_of(const Mutant& mutant, std::uint64_t seed) {
  LockRun run = run_of_the_real_client(mutant, seed);
  run.client = client_of(mutant.ground, mutant.flaws);
  return run;
}

LockRun run_of_the_real_client(const Mutant& mutant, std::uint64_t seed) {
  LockRun run = run_in(mutant.weather, seed);
  if (mutant.ground != Ground::queue) return run;
  run.in_order = true;
  run.client = [](Process& process, const LockOptions& options) {
    return make_lock_client(std::make_unique<LockManager>(process.client(), options), {.fairness = Fairness::fair});
  };
  return run;
}

}  // namespace deimos::testkit::mutants
