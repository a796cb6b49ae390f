// See copy_programs.hpp.
#include "app/archive/copy_programs.hpp"

#include <sys/stat.h>

#include "app/archive/tools.hpp"
#include "archive/restore/foreign_tablespaces.hpp"
#include "base/log.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"
#include "instance/config.hpp"
#include "instance/engine.hpp"
#include "recover/data_owner.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kOfficialImage = 999;  // postgres in the official image; any number would do

// By number: the accounts of an image are not this machine's.
runtime::Account numbered(uid_t uid, gid_t gid) {
  runtime::Account account;
  account.uid = uid;
  account.gid = gid;
  account.name = std::to_string(uid);
  return account;
}

// As a guard last saw the known data served: what stands in its place now may be another cluster's.
runtime::Account owner_of_data(const Config& config, const fs::path& data_dir) {
  const auto store = incident::Store::open_read_only(config.state_dir);
  const auto known =
      store ? recover::known_data_owner(incident::Ledger(**store)) : fail(store.error());
  if (known) return numbered(known->uid, known->gid);
  struct stat status{};
  if (!data_dir.empty() && ::stat(data_dir.c_str(), &status) == 0 && status.st_uid != 0)
    return numbered(status.st_uid, status.st_gid);
  return numbered(kOfficialImage, kOfficialImage);
}

Result<instance::ContainerFacts> container_of(const Config& config) {
  runtime::Loop loop;
  const instance::Engine engine(loop, config.instance.engine_socket);
  return loop.run_until_complete(engine.inspect(config.instance.container));
}

// Not the container's that stands there now: another image may have another libc, under which a
// copy is never opened.
std::string image_it_served_in(const Config& config) {
  const auto store = incident::Store::open_read_only(config.state_dir);
  if (!store) return {};
  const auto identity = incident::Ledger(**store).identity();
  return identity && *identity ? (*identity)->image_digest : "";
}

fs::path data_dir_of(const Config& config, const instance::ContainerFacts& container) {
  return config.instance.data_dir.empty() ? instance::data_dir_outside(container)
                                          : config.instance.data_dir;
}

Result<void> use_this_machine(const Config& config, archive::RestoreRequest& request) {
  request.bin_dir = config.instance.bin_dir;
  TRY(account, server_account(config));
  request.account = account;
  if (!config.instance.data_dir.empty())
    request.in_use = archive::tablespaces_in(config.instance.data_dir);
  return {};
}

void use_image(const Config& config, std::string image, const fs::path& data_dir,
               archive::RestoreRequest& request) {
  request.image = archive::ServerImage{config.instance.engine_socket, std::move(image), 0};
  if (runtime::running_as_root()) request.account = owner_of_data(config, data_dir);
  if (!data_dir.empty()) request.in_use = archive::tablespaces_in(data_dir);
}

}  // namespace

Result<void> choose_programs(const Config& config, archive::RestoreRequest& request) {
  if (config.instance.kind != instance::Kind::Container) return use_this_machine(config, request);
  const auto container = container_of(config);
  const auto data_dir = container ? data_dir_of(config, *container) : config.instance.data_dir;
  auto image = image_it_served_in(config);
  if (image.empty() && container)
    image = container->image_digest.empty() ? container->image : container->image_digest;
  const bool engine_answers = container || container.error().code == ErrorCode::NotFound;
  if (!image.empty() && engine_answers) {
    use_image(config, std::move(image), data_dir, request);
    return {};
  }
  log_warning("the container's image is not known; this machine's programs are used",
              {{"why", container ? std::string("it tells none") : container.error().message()}});
  return use_this_machine(config, request);
}

Result<std::optional<runtime::Account>> copy_account(const Config& config) {
  if (config.instance.kind != instance::Kind::Container) return server_account(config);
  if (!runtime::running_as_root()) return std::nullopt;
  const auto container = container_of(config);
  return owner_of_data(config,
                       container ? data_dir_of(config, *container) : config.instance.data_dir);
}

}  // namespace pgkeel::app
