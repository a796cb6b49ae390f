// Which pg_dump, pg_restore and psql a job uses: this machine's, where they are there and at least
// as new as the server; else, for a server in a container, those of its own image.
#pragma once

#include <memory>

#include "app/archive/tools.hpp"
#include "archive/dump/client_programs.hpp"
#include "archive/programs/image_programs.hpp"
#include "archive/restore/scratch.hpp"

namespace pgkeel::app {

struct ChosenPrograms {
  archive::ClientPrograms programs;
  // Of an image; none: they are this machine's.
  std::unique_ptr<archive::ImagePrograms> running = {};
  std::optional<archive::ServerImage> image = {};
  std::optional<runtime::Account> account = {};  ///< as whom they run there
};

struct ProgramsQuestion {
  enum class Wants { Client, Server } wants = Wants::Client;  ///< Server: initdb and postgres too
  int major = 0;             ///< of the server, or of what made a dump
  std::string_view job;      ///< "dump": only one runs under the lock of that name
  pg::Conninfo server = {};  ///< where they have to reach it; an empty host: nowhere
  /// Whether they read and write in the drill directory.
  enum class Scratch { No, Yes } scratch = Scratch::No;
  /// Where another server's socket is that they have to reach, if it is there.
  std::filesystem::path socket = {};
};

/// MissingBinary when neither this machine nor an image has them; what an engine says.
[[nodiscard]] Result<ChosenPrograms> choose_client_programs(const Config& config,
                                                            const ProgramsQuestion& question);

}  // namespace pgkeel::app
