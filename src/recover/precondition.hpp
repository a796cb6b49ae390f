// What a step requires before it acts. The executor asks right before the step, whatever was true
// when the plan was made; advise and `pgkeel doctor` show what holds now. None waits, asks the
// server anything or changes anything, so they can be asked at any moment.
// A precondition is one of two things that make a step safe: the other is the step's own look at
// what it touches, which is made with the act itself.
#pragma once

#include <string>
#include <string_view>

namespace pgkeel::recover {

struct StepContext;

struct Precondition {
  std::string_view must_hold;  ///< for people, as a clause: "no server runs in the data directory"
  /// Why it does not hold, as a clause; empty when it holds.
  std::string (*objection)(const StepContext& context);
};

/// The ledger knows which cluster this is.
extern const Precondition kIdentityIsKnown;
/// What stands in the data directory's place is not another cluster than the known one, and is not
/// fenced. An
/// unreadable control file objects to nothing here: it is its own cause.
extern const Precondition kNoStrangerThere;
/// No postmaster, and no process of an earlier one, is in the data directory.
extern const Precondition kNoServerRuns;
/// The senses' last login failed: what is ended serves nobody.
extern const Precondition kNobodyIsServed;
/// The server's main process is stopped, or its processes have used neither CPU nor I/O just now.
extern const Precondition kShowsNoLife;
/// What is left of an old server has no postmaster any more.
extern const Precondition kLeftoversAreOrphans;
/// The senses' last login succeeded.
extern const Precondition kServerAnswers;
/// The server is not a standby: what is changed in it stays changed.
extern const Precondition kTakesWrites;

}  // namespace pgkeel::recover
