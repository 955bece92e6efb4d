/** `node leaves-with.js 7` */
process.exit(Number(process.argv[2]));
