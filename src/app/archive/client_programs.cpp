// See client_programs.hpp.
#include "app/archive/client_programs.hpp"

#include <array>

#include <fmt/format.h>

#include "app/archive/copy_programs.hpp"
#include "archive/dump/dump_drill.hpp"
#include "base/log.hpp"
#include "instance/config.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;
using Network = archive::ImageProgramsPlan::Network;

// Files that libpq is told of by a connection string.
constexpr std::array kFileOptions{"sslcert", "sslkey", "sslrootcert", "sslcrl", "passfile"};

// A server behind a socket is reached through its directory, every other one as from here.
void reach(const pg::Conninfo& server, archive::ImageProgramsPlan& plan) {
  if (server.host.empty()) return;
  if (server.host.starts_with('/')) plan.directories.emplace_back(server.host);
  else plan.network = Network::OfHost;
  std::error_code error;
  for (const auto* option : kFileOptions)
    if (const auto found = server.options.find(option); found != server.options.end())
      if (fs::path(found->second).is_absolute() && fs::exists(found->second, error))
        plan.read_only.emplace_back(found->second);
}

Result<ChosenPrograms> from_image(const Config& config, const ProgramsQuestion& question,
                                  archive::ServerImage image,
                                  const std::optional<runtime::Account>& account) {
  image.major = question.major;
  const auto base = drill_directory(config);
  TRY(scratch, archive::Scratch::prepare(base, fmt::format("{}-programs", question.job), account));
  archive::ImageProgramsPlan plan{
      .image = image, .work_dir = scratch.work(), .account = account, .relay = own_program()};
  if (question.scratch == ProgramsQuestion::Scratch::Yes) plan.directories.push_back(base);
  reach(question.server, plan);
  std::error_code error;
  if (fs::is_directory(question.socket, error)) plan.directories.push_back(question.socket);
  ChosenPrograms chosen;
  TRY(started, archive::ImagePrograms::start(std::move(plan)));
  chosen.running = std::move(started);
  TRY(programs, archive::ask_client_programs(chosen.running->place(), question.major));
  chosen.programs = std::move(programs);
  chosen.image = std::move(image);
  chosen.image->major = chosen.programs.major;
  chosen.account = account;
  return chosen;
}

}  // namespace

Result<ChosenPrograms> choose_client_programs(const Config& config,
                                              const ProgramsQuestion& question) {
  const auto& preferred = config.instance.bin_dir;
  auto here = question.wants == ProgramsQuestion::Wants::Server
                  ? archive::find_server_programs(question.major, preferred)
                  : archive::find_client_programs(question.major, preferred);
  const bool contained = config.instance.kind == instance::Kind::Container;
  if (here) {
    if (contained)
      log_info("client programs", {{"version", here->version}, {"of", here->place.dir.string()}});
    return ChosenPrograms{.programs = *std::move(here)};
  }
  if (!contained) return fail(here.error());
  archive::RestoreRequest copy;
  TRY_VOID(choose_programs(config, copy));
  if (!copy.image) return fail(here.error());
  const auto name = copy.image->image;
  TRY(chosen, from_image(config, question, *copy.image, copy.account));
  log_info("client programs", {{"version", chosen.programs.version}, {"of", "image " + name}});
  return std::move(chosen);
}

}  // namespace pgkeel::app
