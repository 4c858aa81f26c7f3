// What can be broken in the clients of this folder, one switch for each hazard of distributed locks. catalogue.cc says
// what each is called, who had it, and which property must find it.
#pragma once

#include <bitset>
#include <cstddef>
#include <initializer_list>

namespace deimos::testkit::mutants {

enum class Flaw : unsigned {
  // A: ownership and release
  foreign_delete,
  create_is_a_set,
  renew_by_existence,
  one_token_for_ever,
  token_of_the_host,
  release_by_name,
  sticky_held_flag,
  forgets_before_it_is_confirmed,
  release_by_deadline_of_acquire,
  renews_after_failed_unlock,
  wrong_token_in_rollback,
  check_then_delete,
  side_record,
  unlock_twice_frees_another,
  // B: acquire and ambiguity
  unclear_create_is_failure,
  blind_retry,
  sets_after_an_error,
  cleans_up_once,
  cleans_up_whatever_is_there,
  cancel_leaves_key,
  cancelled_is_success,
  failed_try_leaves_place,
  late_grant_counts,
  look_then_set,
  // C: waiting and watching
  watch_from_now,
  watch_from_the_past,
  watch_from_too_late,
  asks_cleared_history_again,
  deaf_once_history_is_cleared,
  watch_from_now_after_cleared_history,
  wakes_for_expiry_only,
  waits_for_what_is_gone,
  trusts_its_watch,
  every_event_is_a_release,
  everybody_wakes,
  never_pauses,
  leaves_its_watches,
  chokes_on_an_empty_answer,
  event_is_a_grant,
  // D: time and leases
  no_fencing,
  deadline_from_answer,
  deadline_from_first_attempt,
  wall_clock,
  rounds_ttl_down_for_the_store,
  ttl_in_another_unit,
  no_margin_for_skew,
  takes_what_was_held_for_a_ttl,
  trusts_ttl_field,
  renewal_drops_ttl,
  renewal_drops_value,
  no_ttl,
  no_margin_for_drift,
  // E: renewal and loss
  renewer_dies,
  loss_is_not_told,
  no_local_deadline,
  one_failure_is_loss,
  renewal_waits_until_deadline,
  renewal_resurrects,
  renewal_outlives_unlock,
  renewal_ends_with_acquire,
  never_renews,
  second_acquisition_not_renewed,
  dies_while_queued,
  renewal_does_not_verify,
  unclear_renewal_moves_index,
  own_unlock_is_loss,
  loss_is_told_twice,
  two_renewal_loops,
  // F: queues
  order_of_text,
  lost_place_is_a_turn,
  place_without_lease,
  evicts_who_waits_long,
  watches_who_has_left,
  next_is_a_turn,
  two_places,
  always_succeeds,
  // G: re-entry
  inner_unlock_frees,
  count_survives_loss,
  reentry_ends_renewal,
  new_token_on_reentry,
  one_owner_for_all,
  // H: election
  resigns_before_telling,
  tolerates_suspension,
  never_again_after_loss,
  judges_by_its_own_ttl,
  trusts_timestamps,
  waits_for_the_sweep,
  // I: endpoints
  loses_error_codes,
  waits_for_every_answer,
  server_error_is_failure,
  // J: C++
  renewal_throws,
  release_throws,
  // K: found here
  callback_before_stop_token,
  renewals_count_from_answer,
  belief_comes_back,
  takes_over_within_skew,
  count
};

class Flaws {
 public:
  Flaws() = default;
  Flaws(std::initializer_list<Flaw> flaws) {
    for (const Flaw flaw : flaws) set_.set(static_cast<std::size_t>(flaw));
  }
  [[nodiscard]] bool operator[](Flaw flaw) const { return set_[static_cast<std::size_t>(flaw)]; }

 private:
  std::bitset<static_cast<std::size_t>(Flaw::count)> set_;
};

}  // namespace deimos::testkit::mutants
