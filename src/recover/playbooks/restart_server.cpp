// A server that died is started again over the same data directory. A lock file whose pid another
// program has by now is handed to the server as a pid to ignore; it is never deleted.
#include "recover/playbooks/server_steps.hpp"

namespace pgkeel::recover {
namespace {

const Step kSteps[] = {kAwaitChildrenGone, kStartServer};

}  // namespace

const Playbook kRestartServer{
    "restart_server", "Start the server again over its own data.", kSteps,
    "a login and a write succeed, and every known database and table is there"};

}  // namespace pgkeel::recover
