#include "image_command.h"

#include "accounts.h"
#include "gbox/base/error.h"

namespace gbox::build {

std::vector<std::pair<std::string, std::string>> environment_of(
    const oci::ContainerConfig& config) {
  std::vector<std::pair<std::string, std::string>> environment;
  for (const std::string& variable : config.env) {
    const std::size_t equals = variable.find('=');
    if (equals != std::string::npos)
      environment.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return environment;
}

sandbox::Command command_of_image(const oci::ContainerConfig& config,
                                  const std::vector<std::string>& argv, int rootfd) {
  sandbox::Command command;
  command.argv = argv;
  if (command.argv.empty()) {
    command.argv = config.entrypoint;
    command.argv.insert(command.argv.end(), config.cmd.begin(), config.cmd.end());
  }
  if (command.argv.empty())
    throw Error("the image names neither entrypoint nor cmd", ExitCode::usage)
        .set_hint("say what to run: 'gbox run IMAGE COMMAND'");
  command.environment = environment_of(config);
  become(command, rootfd, config.user);
  if (!config.working_dir.empty()) command.working_directory = config.working_dir;
  return command;
}

}  // namespace gbox::build
