// See doctor.hpp.
#include "chaos/doctor.hpp"

#include "runtime/process.hpp"

namespace pgkeel::chaos {
namespace {

constexpr Seconds kDoctorMost{20};

Doctor ask(app::Stage& stage, std::vector<std::string> command) {
  runtime::ProcessSpec spec;
  spec.argv = {PGKEEL_BINARY};
  spec.argv.insert(spec.argv.end(), command.begin(), command.end());
  for (const auto& argument : {std::string("--json"), std::string("--config"),
                               (stage.directory() / "pgkeel.toml").string()})
    spec.argv.push_back(argument);
  spec.environment = stage.environment();
  const auto output = stage.loop().run_until_complete(
      runtime::run_process(stage.loop(), std::move(spec), stage.loop().after(kDoctorMost)));
  if (!output) return {{}, -1, output.error().message()};
  auto parsed = app::parse_json(output->out);
  return {parsed ? std::move(*parsed) : app::Json(), output->exit.code, output->err};
}

}  // namespace

Doctor ask_doctor(app::Stage& stage) { return ask(stage, {"doctor"}); }

// The evidence is written beside the guard's loop, a moment after the incident.
testing::AssertionResult replays(app::Stage& stage, std::string_view cause) {
  const auto incident = incident_of(stage, cause);
  if (!incident) return testing::AssertionFailure() << "no incident of " << cause;
  Doctor told;
  const auto agrees = [&] {
    told = ask(stage, {"incident", "replay", incident->id});
    const auto& moments = app::member(told.report, "moments");
    return moments.is_array() && !moments.empty() && app::flag_of(told.report, "agrees") &&
           app::text_of(moments.back(), "cause") == cause;
  };
  if (test::wait_until(agrees, kPatience)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << told.errors << told.report.dump(1);
}

testing::AssertionResult doctor_names(app::Stage& stage, std::string_view cause, Named where) {
  const auto doctor = ask_doctor(stage);
  const auto& findings = app::member(doctor.report, "findings");
  if (findings.is_array())
    for (const auto& finding : findings) {
      if (app::text_of(finding, "cause") == cause) return testing::AssertionSuccess();
      if (where == Named::First) break;
    }
  return testing::AssertionFailure() << doctor.errors << doctor.report.dump(1);
}

}  // namespace pgkeel::chaos
