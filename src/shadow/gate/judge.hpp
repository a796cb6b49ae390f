// Whether what the gate holds is the loss of anything. The shadow stands before the change and
// knows what the files are; the live server has it behind it and says what became of the relations.
// Blocking; both are only read, and nobody is waited for longer than a moment.
// It guarantees: what is called harmless is known to be: a relation that was written anew with its
// rows, an index, a sequence, a table that cannot be read from a standby anyway. In doubt it is a
// destruction.
#pragma once

#include <functional>

#include "client/replication.hpp"
#include "shadow/gate/destruction.hpp"
#include "shadow/gate/gate.hpp"

namespace pgkeel::shadow {

struct JudgeSides {
  using Connect = std::function<Result<client::ReplicationSession>(const std::string& database)>;
  Connect shadow;
  Connect live;
  double share = 0.5;  ///< of a table's rows that were deleted or updated
};

enum class Verdict {
  Harmless,
  Passed,  ///< the shadow has gone by: there is nothing to keep
  Destroyed,
};

struct Judgement {
  Verdict verdict = Verdict::Harmless;
  Destruction destruction = {};
  /// Where the first of the relations that are lost was locked; none: as the hold says.
  Lsn before = {};
  /// Nothing that is lost may have been written to behind `before`.
  bool exact = false;
  /// The shadow stands before another hold: what was made since is not seen.
  bool provisional = false;
};

/// WrongState: the shadow is not there yet, and nothing is lost as far as it knows; ask again. What
/// the sessions say.
Result<Judgement> judge(const Hold& hold, const JudgeSides& sides);

}  // namespace pgkeel::shadow
