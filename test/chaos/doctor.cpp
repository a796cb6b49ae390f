// See doctor.hpp.
#include "chaos/doctor.hpp"

#include "runtime/process.hpp"

namespace pgkeel::chaos {
namespace {

constexpr Seconds kDoctorMost{20};

}  // namespace

Doctor ask_doctor(app::Stage& stage) {
  runtime::ProcessSpec spec;
  spec.argv = {PGKEEL_BINARY, "doctor", "--json", "--config",
               (stage.directory() / "pgkeel.toml").string()};
  spec.environment = stage.environment();
  const auto output = stage.loop().run_until_complete(
      runtime::run_process(stage.loop(), std::move(spec), stage.loop().after(kDoctorMost)));
  if (!output) return {{}, -1, output.error().message()};
  auto parsed = app::parse_json(output->out);
  return {parsed ? std::move(*parsed) : app::Json(), output->exit.code, output->err};
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
