-- What the bridge may do, and all it needs: see README.md.
CREATE USER 'cdc'@'%' IDENTIFIED BY 'secret';
GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'cdc'@'%';
GRANT SELECT ON opendental.* TO 'cdc'@'%';
GRANT UPDATE ON opendental.apisubscription TO 'cdc'@'%';

-- Open Dental itself, played by the service `practice`.
CREATE USER 'practice'@'%' IDENTIFIED BY 'practice';
GRANT ALL ON opendental.* TO 'practice'@'%';
