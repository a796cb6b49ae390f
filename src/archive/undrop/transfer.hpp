// Two psql sessions at once: one reads in the copy, one writes in the live server, and what passes
// between them goes through named pipes that both scripts open, never through a file.
// It guarantees: the writing session is told how to end, and with that to commit, only after the
// reading one has ended well and `verdict` agreed with what it said. Whoever of the two or of us is
// killed before, the writing session ends without a commit.
#pragma once

#include <functional>

#include "archive/undrop/psql.hpp"

namespace pgkeel::archive {

struct Transfer {
  const ClientSide& from;
  const ClientSide& to;
  std::string from_database;
  std::string to_database;
  std::filesystem::path work;  ///< a directory both accounts can use
  std::string reading;         ///< the scripts
  std::string writing;
  /// From what the reading one wrote to stdout: how the writing one ends.
  std::function<Result<std::string>(const std::string& read)> verdict;
};

enum class TransferSide { Reading, Writing };

struct TransferFailure {
  TransferSide side;  ///< who failed first
  Error error;
};

/// What the writing session wrote.
[[nodiscard]] std::expected<PsqlOutput, TransferFailure> transfer(const Transfer& work);

/// A named pipe for the account of both; what was there is removed.
Result<void> make_pipe_file(const std::filesystem::path& file,
                            const std::optional<runtime::Account>& owner);

}  // namespace pgkeel::archive
