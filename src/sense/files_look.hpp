// Looks at the server's files: data directory, control file, lock file, configuration, port, log.
// Cheap while the server runs; thorough once it does not, because then every fact may name the
// cause.
#pragma once

#include "instance/instance.hpp"
#include "sense/board.hpp"

namespace pgkeel::sense {

/// Where the server wrote last: what its collector says, else its stderr, else the usual place.
[[nodiscard]] std::filesystem::path log_of(const Board& board, const instance::Instance& instance);

/// Data directory and control file; a running server's lock and configuration are not judged.
void look_at_data_dir(Board& board, const instance::Instance& instance);

/// The container engine's word, for a server in a container; and whether another server stands in
/// the same directory when another container has it mounted.
runtime::Task<void> look_at_hosting(Board* board, instance::Instance* instance);

/// The same every half minute, while the server runs. Runs for as long as the loop.
runtime::Task<void> watch_hosting(Board* board, instance::Instance* instance);

/// Everything, for a server that does not run: also the lock, who holds the port, which
/// configuration files differ from the good copies and whether the server's parser accepts them,
/// and what the server log said last.
runtime::Task<void> look_at_dead_server(Board* board, instance::Instance* instance);

}  // namespace pgkeel::sense
