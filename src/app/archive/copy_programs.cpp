// See copy_programs.hpp.
#include "app/archive/copy_programs.hpp"

#include <sys/stat.h>

#include "app/archive/tools.hpp"
#include "archive/restore/foreign_tablespaces.hpp"
#include "base/log.hpp"
#include "instance/config.hpp"
#include "instance/engine.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kOfficialImage = 999;  // postgres in the official image; any number would do

// By number: the accounts of an image are not this machine's.
runtime::Account owner_of_data(const fs::path& data_dir) {
  struct stat status{};
  const bool known = !data_dir.empty() && ::stat(data_dir.c_str(), &status) == 0;
  runtime::Account account;
  account.uid = known && status.st_uid != 0 ? status.st_uid : kOfficialImage;
  account.gid = known && status.st_uid != 0 ? status.st_gid : kOfficialImage;
  account.name = std::to_string(account.uid);
  return account;
}

Result<void> use_this_machine(const Config& config, archive::RestoreRequest& request) {
  request.bin_dir = config.instance.bin_dir;
  TRY(account, server_account(config));
  request.account = account;
  if (!config.instance.data_dir.empty())
    request.in_use = archive::tablespaces_in(config.instance.data_dir);
  return {};
}

void use_image(const Config& config, const instance::ContainerFacts& container,
               archive::RestoreRequest& request) {
  request.image = archive::ServerImage{
      config.instance.engine_socket,
      container.image_digest.empty() ? container.image : container.image_digest, 0};
  auto data_dir = config.instance.data_dir;
  if (data_dir.empty()) data_dir = instance::data_dir_outside(container);
  if (runtime::running_as_root()) request.account = owner_of_data(data_dir);
  if (!data_dir.empty()) request.in_use = archive::tablespaces_in(data_dir);
}

}  // namespace

Result<void> choose_programs(const Config& config, archive::RestoreRequest& request) {
  if (config.instance.kind != instance::Kind::Container) return use_this_machine(config, request);
  runtime::Loop loop;
  const instance::Engine engine(loop, config.instance.engine_socket);
  const auto container = loop.run_until_complete(engine.inspect(config.instance.container));
  if (!container) {
    log_warning("the container's image is not known; this machine's programs are used",
                {{"why", container.error().message()}});
    return use_this_machine(config, request);
  }
  use_image(config, *container, request);
  return {};
}

}  // namespace pgkeel::app
