/** Says what the command line gave for settings; then leaves. */
console.log(process.env['SHOAL_SETTINGS'] ?? 'nothing');
