/** Modules are loaded statically, so that the drawing is complete; exceptions are listed with their reason. */
export function checkDynamicImports({ modules }, { dynamicImports }) {
  const { within, except } = dynamicImports;
  return modules
    .filter(({ path }) => within.some((each) => path.startsWith(`${each}/`)) && !(path in except))
    .flatMap(({ path, imports }) =>
      imports
        .filter(({ dynamic }) => dynamic)
        .map(({ line }) => ({
          file: path,
          line,
          rule: 'dynamic-imports',
          message:
            'modules are imported statically; a necessary exception is listed in scripts/check-layers.mjs',
        })),
    );
}
