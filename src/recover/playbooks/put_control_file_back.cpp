// The control file was deleted under a running server. The server has its content in memory and
// serves on, but opens the file at its next checkpoint or shutdown, and ends for good when it is
// not there (docs/adr/0004). So the kept copy takes the free place at once, and a checkpoint, which
// writes the server's own over it, proves that it is mended: nobody has noticed anything.
// Were the copy an older one: until that checkpoint a crash would replay from where it says, as
// after any crash; and it is no older than the last one the server wrote, since each is copied.
// It refuses to replace a file that is there, to write for a server that works elsewhere, and to
// ask for a checkpoint while the file is not there: that would be the end it is to prevent.
#include <fmt/format.h>

#include "instance/data_dir.hpp"
#include "recover/control_copy.hpp"
#include "recover/playbook.hpp"
#include "recover/sql.hpp"
#include "runtime/files.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;
namespace fs = std::filesystem;

fs::path control_file(const StepContext& context) {
  return context.services.instance.data_dir() / "global" / "pg_control";
}

std::string something_there(const StepContext& context) {
  std::error_code error;
  const auto found = fs::symlink_status(control_file(context), error);
  if (found.type() == fs::file_type::not_found) return {};
  return error ? error.message() : "something is there";
}

std::string not_ours(const StepContext& context) {
  const auto control = instance::read_control_file(context.services.instance.data_dir());
  if (!control) return control.error().message();
  const auto identity = context.services.ledger.identity();
  if (!identity || !*identity) return "no identity is known";
  return control->system_id == (*identity)->system_id ? "" : "it is another cluster's";
}

std::string works_elsewhere(const StepContext& context) {
  const auto& instance = context.services.instance;
  std::error_code error;
  const auto fenced = instance.data_dir() / "global" / "pg_control.fenced";
  if (fs::exists(fs::symlink_status(fenced, error))) return fenced.string() + " is there";
  return instance.find_postmaster() ? "" : "no server is found that works in it";
}

constexpr Precondition kPlaceIsFree{"there is no control file", something_there};
constexpr Precondition kControlFileIsThere{"the control file is there, whole, and this cluster's",
                                           not_ours};
constexpr Precondition kServerWorksHere{
    "the running server's working directory is this very data directory, which is not fenced",
    works_elsewhere};

std::string describe_put(const StepContext& context) {
  return fmt::format("write the kept copy to {}, where nothing is", control_file(context).string());
}

Result<std::string> put_copy(const StepContext& context, const incident::Identity& identity) {
  TRY(copy, read_control_copy(context.services.state_dir, identity));
  TRY(major, instance::read_major(context.services.instance.data_dir()));
  if (major != copy.control.major)
    return fail(ErrorCode::WrongState, fmt::format("the data is of PostgreSQL {}, the copy of {}",
                                                   major, copy.control.major));
  TRY_VOID(place_control_copy(context.services.instance, copy));
  return fmt::format("as of the checkpoint at {}", to_string(copy.control.checkpoint));
}

Task<StepResult> put(StepContext* context) {
  const auto identity = context->services.ledger.identity();
  if (!identity) co_return StepResult::failed(identity.error());
  if (!*identity) co_return StepResult::for_human("a human: no identity is known");
  auto done = put_copy(*context, **identity);
  if (done) co_return StepResult::done(*std::move(done));
  if (!something_there(*context).empty()) co_return StepResult::skipped("it is there by now");
  co_return StepResult::for_human(
      fmt::format("a human: {}; {}", context->finding.hint, done.error().message()));
}

std::string describe_checkpoint(const StepContext&) {
  return "CHECKPOINT: the server writes its own content over it";
}

Task<StepResult> checkpoint(StepContext* context) {
  auto* services = &context->services;
  const auto before = instance::read_control_file(services->instance.data_dir());
  const auto done = co_await run_statement(services, maintenance_database(*services), "checkpoint");
  if (!done) co_return StepResult::failed(done.error());
  const auto after = instance::read_control_file(services->instance.data_dir());
  if (!after) co_return StepResult::failed(after.error());
  if (before && after->checkpoint <= before->checkpoint)
    co_return StepResult::for_human(
        "a human: the server does not write to the control file that is there: take a dump, then "
        "restart it");
  co_return StepResult::done(
      fmt::format("it names the checkpoint at {}", to_string(after->checkpoint)));
}

// Put back by a guard that was killed before the checkpoint: the place is not free, and all is
// well.
const Step kSteps[] = {{"put_control_file",
                        describe_put,
                        put,
                        Effect::Reversible,
                        "the server writes its own over it; a copy is in STATE_DIR/pg_control",
                        {&kServerAnswers, &kPlaceIsFree, &kServerWorksHere},
                        Unmet::PassesOver},
                       {"write_checkpoint",
                        describe_checkpoint,
                        checkpoint,
                        Effect::Reversible,
                        "nothing is to be taken back: the server makes one every few minutes",
                        {&kServerAnswers, &kControlFileIsThere, &kServerWorksHere}}};

}  // namespace

const Playbook kPutControlFileBack{
    "put_control_file_back",
    "Put the kept copy of a control file that was deleted under a running server into its place.",
    kSteps, "the server has written its own content there"};

}  // namespace pgkeel::recover
