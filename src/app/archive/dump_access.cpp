// See dump_access.hpp.
#include "app/archive/dump_access.hpp"

namespace pgkeel::app {
namespace {

constexpr int kVersionPerMajor = 10'000;

Result<archive::ServerPosition> position_of(const archive::DumpServer& server) {
  TRY(facts, archive::read_dumped_server(server));
  return facts.position;
}

}  // namespace

int DumpAccess::major() const { return facts.version_num / kVersionPerMajor; }

Result<DumpAccess> find_dump_access(const Config& config) {
  TRY(target, find_server_target(config));
  DumpAccess access;
  access.server = {target.conninfo, target.connect_as};
  TRY(facts, archive::read_dumped_server(access.server));
  access.facts = facts;
  return access;
}

Result<DumpAccess> claim_for_dumps(const ArchiveTools& tools) {
  TRY(access, find_dump_access(tools.config));
  TRY_VOID(archive::claim_archive(*tools.store, access.facts.marker));
  TRY(writer, archive::Writer::open(tools.config.state_dir));
  TRY_VOID(writer.renew(*tools.store, [&access] { return position_of(access.server); }));
  return access;
}

}  // namespace pgkeel::app
