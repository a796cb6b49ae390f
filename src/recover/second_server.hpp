// What is remembered of second servers over one data directory. How often one was ended: an engine
// that starts it again each time is not fought, a human is called. And how what started it was set
// before the guard changed that: kept from before it is changed.
#pragma once

#include <string_view>

#include "incident/ledger.hpp"
#include "instance/restarter.hpp"

namespace pgkeel::recover {

inline constexpr int kSecondServersEndedMax = 2;  ///< within kSecondServersWithin
inline constexpr Seconds kSecondServersWithin{3600};

/// How many were ended within kSecondServersWithin; one ended later than `now` counts.
[[nodiscard]] Result<int> second_servers_ended(const incident::Ledger& ledger, WallTime now);
/// Before it is ended, so that a guard that dies right then has counted it.
[[nodiscard]] Result<void> count_second_server(incident::Ledger& ledger, WallTime now);
/// The operator's `resume`: begins anew.
[[nodiscard]] Result<void> forget_second_servers(incident::Ledger& ledger);

/// Keeps how it was; what starts nothing by our own hand does not replace that. What is kept.
[[nodiscard]] Result<instance::Restarter> keep_second_restarter(incident::Ledger& ledger,
                                                                const instance::Restarter& now);

/// Of what two servers did to one directory nobody can say how much is lost.
inline constexpr std::string_view kTwoServersLoss =
    "not known: what two servers wrote over each other shows nowhere; check the data ('pg_amcheck "
    "--all --heapallindexed')";

}  // namespace pgkeel::recover
