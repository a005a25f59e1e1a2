"""Files of FTP and SFTP servers: `client.py` opens a session, which is the same for both protocols."""
